import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  CognitoIdentityProviderClient,
  CreateUserPoolClientCommand,
  type CreateUserPoolClientCommandInput,
  CreateUserPoolCommand,
  type CreateUserPoolCommandInput,
  InitiateAuthCommand,
  RespondToAuthChallengeCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { type RunningCloud, startCloud } from '../../src/embedded/cloud.ts';

/** An embedded cloud of its own with Cognito's clients; its clock can be moved on. */
export class CognitoFixture {
  stateDir = '';
  cloud!: RunningCloud;
  /** Signs its requests as the account's administrator. */
  admin!: CognitoIdentityProviderClient;
  private offset = 0;

  async start(port = 0): Promise<void> {
    this.stateDir ||= await mkdtemp(path.join(tmpdir(), 'saas-ecs-cognito-'));
    const clock = { now: () => Date.now() + this.offset };
    this.cloud = await startCloud({ stateDir: this.stateDir, port, clock });
    this.admin = new CognitoIdentityProviderClient({
      endpoint: this.cloud.endpoint,
      region: this.cloud.region,
      credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'x' },
      maxAttempts: 1,
    });
  }

  async restart(): Promise<void> {
    const { port } = new URL(this.cloud.endpoint);
    this.admin.destroy();
    await this.cloud.stop();
    await this.start(Number(port));
  }

  async stop(): Promise<void> {
    this.admin.destroy();
    await this.cloud.stop();
    await rm(this.stateDir, { recursive: true, force: true });
  }

  advance(milliseconds: number): void {
    this.offset += milliseconds;
  }

  async pool(input: Partial<CreateUserPoolCommandInput> = {}): Promise<string> {
    const { UserPool } = await this.admin.send(new CreateUserPoolCommand({ PoolName: 'test', ...input }));
    return UserPool?.Id ?? '';
  }

  async client(
    UserPoolId: string,
    input: Partial<CreateUserPoolClientCommandInput> = {},
  ): Promise<{ ClientId: string; ClientSecret: string | undefined }> {
    const { UserPoolClient } = await this.admin.send(
      new CreateUserPoolClientCommand({
        UserPoolId,
        ClientName: 'app',
        ExplicitAuthFlows: ['ALLOW_USER_PASSWORD_AUTH', 'ALLOW_USER_SRP_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'],
        ...input,
      }),
    );
    return { ClientId: UserPoolClient?.ClientId ?? '', ClientSecret: UserPoolClient?.ClientSecret };
  }

  signIn(ClientId: string, USERNAME: string, PASSWORD: string) {
    return this.admin.send(
      new InitiateAuthCommand({
        ClientId,
        AuthFlow: 'USER_PASSWORD_AUTH',
        AuthParameters: { USERNAME, PASSWORD },
      }),
    );
  }

  refresh(ClientId: string, REFRESH_TOKEN: string) {
    return this.admin.send(
      new InitiateAuthCommand({
        ClientId,
        AuthFlow: 'REFRESH_TOKEN_AUTH',
        AuthParameters: { REFRESH_TOKEN },
      }),
    );
  }

  answerNewPassword(
    ClientId: string,
    Session: string | undefined,
    USERNAME: string,
    NEW_PASSWORD: string,
    more: object = {},
  ) {
    return this.admin.send(
      new RespondToAuthChallengeCommand({
        ClientId,
        Session,
        ChallengeName: 'NEW_PASSWORD_REQUIRED',
        ChallengeResponses: { USERNAME, NEW_PASSWORD, ...more },
      }),
    );
  }

  /** The secret of the newest mail to that address. */
  mailed(to: string): string {
    return (
      this.cloud.cognito
        .outbox()
        .filter((mail) => mail.to === to)
        .at(-1)?.secret ?? ''
    );
  }
}

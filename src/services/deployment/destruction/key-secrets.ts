import {
  DeleteSecretCommand,
  ListSecretsCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import type { ClientOptions } from '../../environment.ts';
import type { Belonging, Kind } from './belongings.ts';
import type { Ownership } from './ownership.ts';
import { everyPage } from './pages.ts';

/** The secrets that tenants' API keys are derived from. */
export class KeySecrets implements Kind {
  readonly kind = 'secret';
  readonly #client: SecretsManagerClient;

  constructor(options: ClientOptions) {
    this.#client = new SecretsManagerClient(options);
  }

  async find({ has }: Ownership): Promise<Belonging[]> {
    const secrets = await everyPage(async (next) => {
      const page = await this.#client.send(
        new ListSecretsCommand({
          Filters: [{ Key: 'tag-key', Values: ['saas-ecs:app'] }],
          ...(next && { NextToken: next }),
        }),
      );
      return { items: page.SecretList, next: page.NextToken };
    });
    return secrets
      .filter(({ Tags }) => has(Tags))
      .map(({ ARN = '', Name = '' }) => ({ kind: this.kind, id: ARN, name: Name }));
  }

  /** At once: without its tenants the value opens nothing, and there is nothing to take back. */
  async remove({ id }: Pick<Belonging, 'id'>): Promise<void> {
    try {
      await this.#client.send(new DeleteSecretCommand({ SecretId: id, ForceDeleteWithoutRecovery: true }));
    } catch (error) {
      if (!(error instanceof Error && error.name === 'ResourceNotFoundException')) throw error;
    }
  }
}

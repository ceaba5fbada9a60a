/** Connections: how API destinations prove who calls. What is secret of one is kept in a secret of its own. */
import { randomUUID } from 'node:crypto';
import type {
  ConnectionAuthorizationType,
  ConnectionHttpParameters,
  CreateConnectionAuthRequestParameters,
} from '@aws-sdk/client-eventbridge';
import { AwsError, arn, type Cloud } from '../../platform.ts';
import { callLoopback } from './loopback-call.ts';

export interface ConnectionRecord {
  name: string;
  arn: string;
  description?: string | undefined;
  type: ConnectionAuthorizationType;
  secretArn: string;
  state: 'AUTHORIZED' | 'DEAUTHORIZED';
  /** ISO 8601 */
  created: string;
  modified: string;
}

export interface ConnectionInput {
  name: string;
  description?: string | undefined;
  type: ConnectionAuthorizationType | undefined;
  auth: CreateConnectionAuthRequestParameters | undefined;
}

/** What a connection adds to a request. */
export interface Authorization {
  headers: Record<string, string>;
  query: [string, string][];
  body: Record<string, string>;
}

interface AccessToken {
  value: string;
  /** Milliseconds since the epoch. */
  until: number;
}

const invalid = (message: string): AwsError => new AwsError('ValidationException', message);
/** Tokens are renewed this long before they end. */
const marginMs = 30_000;

export class Connections {
  private readonly cloud: Cloud;
  private readonly tokens = new Map<string, AccessToken>();

  constructor(cloud: Cloud) {
    this.cloud = cloud;
  }

  private get collection() {
    return this.cloud.store.collection<ConnectionRecord>('events.connections');
  }

  all(): ConnectionRecord[] {
    return this.collection.values();
  }

  /** By name or ARN. Throws AwsError ResourceNotFoundException. */
  get(reference: string | undefined): ConnectionRecord {
    const name = /:connection\/([^/]+)/.exec(reference ?? '')?.[1] ?? reference ?? '';
    const connection = this.collection.get(name);
    if (!connection)
      throw new AwsError(
        'ResourceNotFoundException',
        `Failed to describe the connection(s). Connection '${name}' does not exist.`,
      );
    return connection;
  }

  create(input: ConnectionInput): ConnectionRecord {
    if (!/^[.\-_A-Za-z0-9]{1,64}$/.test(input.name))
      throw invalid(`Connection name ${JSON.stringify(input.name)} is not valid.`);
    if (this.collection.has(input.name))
      throw new AwsError('ResourceAlreadyExistsException', `Connection ${input.name} already exists.`);
    const id = randomUUID();
    return this.save(input, {
      name: input.name,
      arn: arn(this.cloud, 'events', `connection/${input.name}/${id}`),
      secret: `events!connection/${input.name}/${id}`,
      created: this.now(),
    });
  }

  /** Its authorization is replaced where one is given. */
  update(input: ConnectionInput): ConnectionRecord {
    const before = this.get(input.name);
    return this.save(
      {
        name: before.name,
        description: input.description ?? before.description,
        type: input.type ?? before.type,
        auth: input.auth ? { ...this.authOf(before), ...input.auth } : this.authOf(before),
      },
      { name: before.name, arn: before.arn, secret: before.secretArn, created: before.created },
    );
  }

  remove(reference: string): ConnectionRecord {
    const connection = this.get(reference);
    this.cloud.secrets.remove(connection.secretArn);
    this.collection.delete(connection.name);
    this.tokens.delete(connection.name);
    return connection;
  }

  /** Forgets what authorizes it; until it is updated, no request goes out. */
  deauthorize(reference: string | undefined): ConnectionRecord {
    const connection: ConnectionRecord = {
      ...this.get(reference),
      state: 'DEAUTHORIZED',
      modified: this.now(),
    };
    this.cloud.secrets.put(connection.secretArn, '{}', 'events');
    this.collection.put(connection.name, connection);
    this.tokens.delete(connection.name);
    return connection;
  }

  /** With its secrets, from its secret. */
  authOf(connection: ConnectionRecord): CreateConnectionAuthRequestParameters {
    return JSON.parse(
      this.cloud.secrets.value(connection.secretArn),
    ) as CreateConnectionAuthRequestParameters;
  }

  /** Rejects with an AwsError when it is deauthorized, with an Error when no token was to be had. */
  async authorization(connection: ConnectionRecord): Promise<Authorization> {
    if (connection.state !== 'AUTHORIZED')
      throw new AwsError('ConnectionDeauthorized', `connection ${connection.name} is not authorized`);
    const auth = this.authOf(connection);
    const parameters = auth.InvocationHttpParameters;
    return {
      headers: {
        ...Object.fromEntries(pairs(parameters, 'HeaderParameters')),
        ...(await this.headerOf(connection, auth)),
      },
      query: pairs(parameters, 'QueryStringParameters'),
      body: Object.fromEntries(pairs(parameters, 'BodyParameters')),
    };
  }

  /** The next request asks for a new token. */
  forgetToken(connection: ConnectionRecord): void {
    this.tokens.delete(connection.name);
  }

  private async headerOf(
    connection: ConnectionRecord,
    auth: CreateConnectionAuthRequestParameters,
  ): Promise<Record<string, string>> {
    const { ApiKeyAuthParameters: key, BasicAuthParameters: basic } = auth;
    if (connection.type === 'API_KEY') return { [key?.ApiKeyName ?? '']: key?.ApiKeyValue ?? '' };
    if (connection.type === 'BASIC') {
      const pair = Buffer.from(`${basic?.Username}:${basic?.Password}`).toString('base64');
      return { authorization: `Basic ${pair}` };
    }
    let token = this.tokens.get(connection.name);
    if (!token || token.until <= this.cloud.clock.now()) {
      token = await this.requestToken(auth);
      this.tokens.set(connection.name, token);
    }
    return { authorization: `Bearer ${token.value}` };
  }

  private async requestToken(auth: CreateConnectionAuthRequestParameters): Promise<AccessToken> {
    const {
      AuthorizationEndpoint = '',
      ClientParameters,
      HttpMethod,
      OAuthHttpParameters,
    } = auth.OAuthParameters ?? {};
    const url = new URL(AuthorizationEndpoint);
    const form = new URLSearchParams([
      ...pairs(OAuthHttpParameters, 'BodyParameters'),
      ['client_id', ClientParameters?.ClientID ?? ''],
      ['client_secret', ClientParameters?.ClientSecret ?? ''],
    ]);
    if (!form.has('grant_type')) form.set('grant_type', 'client_credentials');
    const inQuery = HttpMethod === 'GET';
    for (const [name, value] of [
      ...pairs(OAuthHttpParameters, 'QueryStringParameters'),
      ...(inQuery ? form : []),
    ])
      url.searchParams.append(name, value);
    const { status, text } = await callLoopback(this.cloud, url, {
      method: HttpMethod ?? 'POST',
      headers: {
        ...Object.fromEntries(pairs(OAuthHttpParameters, 'HeaderParameters')),
        ...(!inQuery && { 'content-type': 'application/x-www-form-urlencoded' }),
      },
      ...(!inQuery && { body: form.toString() }),
    });
    const answer = parsed(text);
    if (status !== 200 || typeof answer['access_token'] !== 'string')
      throw new Error(`the authorization endpoint answered ${status} without an access token`);
    const lifetime = Number(answer['expires_in'] ?? 3600) * 1000;
    return {
      value: answer['access_token'],
      until: this.cloud.clock.now() + Math.max(0, lifetime - marginMs),
    };
  }

  private now(): string {
    return new Date(this.cloud.clock.now()).toISOString();
  }

  private save(
    { description, type, auth }: ConnectionInput,
    known: { name: string; arn: string; secret: string; created: string },
  ): ConnectionRecord {
    checkAuth(type, auth);
    const connection: ConnectionRecord = {
      name: known.name,
      arn: known.arn,
      description,
      type: type ?? 'API_KEY',
      secretArn: this.cloud.secrets.put(known.secret, JSON.stringify(auth), 'events'),
      state: 'AUTHORIZED',
      created: known.created,
      modified: this.now(),
    };
    this.collection.put(connection.name, connection);
    this.tokens.delete(connection.name);
    return connection;
  }
}

function pairs(
  parameters: ConnectionHttpParameters | undefined,
  kind: keyof ConnectionHttpParameters,
): [string, string][] {
  return (parameters?.[kind] ?? []).map(({ Key = '', Value = '' }) => [Key, String(Value)]);
}

function parsed(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}

function checkAuth(
  type: ConnectionAuthorizationType | undefined,
  auth: CreateConnectionAuthRequestParameters | undefined,
): void {
  const { ApiKeyAuthParameters: key, BasicAuthParameters: basic, OAuthParameters: oauth } = auth ?? {};
  if (auth?.ConnectivityParameters)
    throw invalid('Private connectivity of connections is not available in the embedded cloud.');
  const complete: Record<string, boolean> = {
    API_KEY: key?.ApiKeyName !== undefined && key.ApiKeyValue !== undefined,
    BASIC: basic?.Username !== undefined && basic.Password !== undefined,
    OAUTH_CLIENT_CREDENTIALS:
      oauth?.ClientParameters?.ClientID !== undefined &&
      oauth.ClientParameters.ClientSecret !== undefined &&
      URL.canParse(oauth.AuthorizationEndpoint ?? ''),
  };
  if (!complete[type ?? ''])
    throw invalid(`Parameter AuthParameters is not valid for the authorization type ${type}.`);
}

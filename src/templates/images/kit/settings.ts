import { serviceEnvironment as names } from '../../../model/names.ts';

/** What every service is told by its task definition. */
export interface Settings {
  host: string;
  port: number;
  /** Path prefix of the service's routes, as the API has it. */
  path: string;
  region: string;
  issuer: string;
  clientId: string;
  /** Set in a silo: the only tenant whose tokens are served. */
  tenantId: string | undefined;
  /** Set in the pool: the role whose sessions carry the tenant's tag. */
  tenantRoleArn: string | undefined;
  table: { name: string; sortKey: string } | undefined;
  userPoolId: string | undefined;
  /** Value of `access-control-allow-origin`. */
  corsOrigin: string;
  logLevel: string;
}

/** What a service needs of its environment, and its defaults. */
export interface Needs {
  path: string;
  /** The default sort key of the table, when the service has one. */
  table?: { sortKey: string };
  userPool?: boolean;
}

/** Reads a service's settings. Throws one Error that names every variable that is missing or wrong. */
export function readSettings(env: NodeJS.ProcessEnv, needs: Needs): Settings {
  const problems: string[] = [];
  const optional = (name: string): string | undefined => env[name]?.trim() || undefined;
  const required = (name: string): string => {
    const value = optional(name);
    if (value === undefined) problems.push(`${name} is not set`);
    return value ?? '';
  };

  const portText = optional(names.port) ?? '3010';
  const port = Number(portText);
  if (!/^\d+$/.test(portText) || port > 65_535)
    problems.push(`${names.port} is "${portText}", not a port number`);

  const issuer = required(names.issuer).replace(/\/$/, '');
  if (issuer !== '' && !/^https?:\/\/[^/]/.test(issuer))
    problems.push(`${names.issuer} is "${issuer}", not an http or https URL`);

  const region = optional('AWS_REGION') ?? optional('AWS_DEFAULT_REGION') ?? '';
  if (region === '') problems.push('AWS_REGION is not set');

  const path = optional(names.path) ?? needs.path;
  if (!/^(\/[A-Za-z0-9._~-]+)+$/.test(path))
    problems.push(`${names.path} is "${path}", not a path like /orders`);

  const tenantId = optional(names.tenantId);
  const tenantRoleArn = optional(names.tenantRoleArn);
  const settings: Settings = {
    host: optional('HOST') ?? '0.0.0.0',
    port,
    path,
    region,
    issuer,
    clientId: required(names.clientId),
    tenantId,
    tenantRoleArn,
    table: needs.table && {
      name: required(names.table),
      sortKey: optional(names.sortKey) ?? needs.table.sortKey,
    },
    userPoolId: needs.userPool ? required(names.userPoolId) : undefined,
    corsOrigin: optional('CORS_ORIGIN') ?? '*',
    logLevel: optional('LOG_LEVEL') ?? 'info',
  };
  // A table without either would be shared by tenants and guarded by nothing but this program.
  if (needs.table && tenantId === undefined && tenantRoleArn === undefined)
    problems.push(`neither ${names.tenantId} (silo) nor ${names.tenantRoleArn} (pool) is set`);
  if (problems.length > 0) throw new Error(`the environment is incomplete: ${problems.join('; ')}`);
  return settings;
}

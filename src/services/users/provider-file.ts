/** The file that describes an identity provider of a tenant; secrets are no part of it, it says where they are. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parse } from 'yaml';
import * as z from 'zod';
import { ExitCode, SaasError } from '../../model/error.ts';
import { mappable } from '../../model/federation.ts';

/** What Cognito is told of a provider: ready to be sent, with the secret in it, so never to be kept or shown. */
export interface ProviderDefinition {
  name: string;
  type: 'OIDC' | 'SAML';
  /** API reference, CreateIdentityProvider: ProviderDetails. */
  details: Record<string, string>;
  /** Attribute of the user pool -> claim or attribute of the provider. */
  mapping: Record<string, string>;
  /** E-mail domains whose users are sent to it. */
  domains: string[];
}

/** Names of Cognito's own, and of the providers that it has types for. */
const taken = new Set(['cognito', 'facebook', 'google', 'loginwithamazon', 'signinwithapple']);

const https = z
  .string()
  .max(1024)
  .regex(
    /^(https:\/\/|http:\/\/(localhost|127\.0\.0\.1)[:/])[^\s#]+$/,
    'it begins with https://, or with http:// for this very machine, which the embedded cloud alone reaches',
  );

const mapping = z.record(z.string(), z.string().min(1).max(131)).superRefine((value, context) => {
  for (const attribute of Object.keys(value)) {
    if (mappable.has(attribute)) continue;
    context.addIssue({
      code: 'custom',
      path: [attribute],
      message: attribute.startsWith('custom:')
        ? "what binds a user to a tenant, and his role in it, is never an identity provider's to say: the tenant is the user pool's own, the role is given by: saas-ecs users set-role"
        : `it can't be mapped; of a user the pool takes ${[...mappable].join(' and ')} alone`,
    });
  }
  if (value['email'] === undefined)
    context.addIssue({ code: 'custom', path: ['email'], message: 'is missing: every user has an address' });
});

/** The claims of SAML 2.0 as most providers send them. */
const samlClaims = 'http://schemas.xmlsoap.org/ws/2005/05/identity/claims';

const common = {
  name: z
    .string()
    .regex(
      /^[a-z][a-z0-9-]{1,30}[a-z0-9]$/,
      'a name has 3 to 32 lower-case letters, digits and inner dashes, and starts with a letter; usernames begin with it',
    )
    .refine((value) => !taken.has(value), 'Cognito uses the name for itself'),
  domains: z
    .array(
      z
        .string()
        .max(40)
        .regex(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/, 'a domain is written like acme.example'),
    )
    .max(50)
    .default([]),
};

/** Where a secret is: an environment variable, or a file, relative to the provider's. */
const secret = z.union(
  [
    z.strictObject({ env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/) }),
    z.strictObject({ file: z.string().min(1) }),
  ],
  {
    error:
      'it says where the secret is, never the secret itself: { env: NAME } for an environment variable, or { file: PATH }',
  },
);

const schema = z.discriminatedUnion(
  'type',
  [
    z.strictObject({
      ...common,
      type: z.literal('oidc'),
      issuer: https,
      clientId: z.string().min(1).max(1024),
      clientSecret: secret,
      scopes: z
        .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'a scope is one word'))
        .max(50)
        .default(['openid', 'email', 'profile'])
        .refine((value) => value.includes('openid'), '"openid" must be among them'),
      mapping: mapping.default({ email: 'email', name: 'name' }),
    }),
    z.strictObject({
      ...common,
      type: z.literal('saml'),
      metadataUrl: https.optional(),
      metadataFile: z.string().min(1).optional(),
      mapping: mapping.default({ email: `${samlClaims}/emailaddress`, name: `${samlClaims}/name` }),
    }),
  ],
  { error: 'type is not one of oidc, saml' },
);

/** Metadata of a SAML provider; Cognito takes 100 KB or so. */
const maxFile = 200_000;

/** What is wrong with what a provider's file holds; never a value of it. Empty when nothing is. */
export function providerMistakes(value: unknown): string[] {
  const parsed = schema.safeParse(value);
  return parsed.success ? [] : parsed.error.issues.flatMap(said);
}

/**
 * Reads a provider's file and whatever it refers to. Throws `provider_file_invalid`, with every mistake and never with a
 * value of the file, since one could be a secret that was written into it; `provider_secret_missing`.
 */
export async function readProviderFile(
  given: string,
  { cwd, env }: { cwd: string; env: Readonly<Record<string, string | undefined>> },
): Promise<ProviderDefinition> {
  const file = path.resolve(cwd, given);
  const text = await contents(file, given);
  let value: unknown;
  try {
    value = parse(text, { prettyErrors: false });
  } catch {
    throw invalid(given, ['it is neither YAML nor JSON']);
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw invalid(given, parsed.error.issues.flatMap(said));
  const { data } = parsed;
  const { name, domains } = data;
  const near = (other: string): string => path.resolve(path.dirname(file), other);
  if (data.type === 'oidc')
    return {
      name,
      type: 'OIDC',
      domains,
      mapping: data.mapping,
      details: {
        oidc_issuer: data.issuer,
        client_id: data.clientId,
        client_secret: await secretOf(data.clientSecret, near, env),
        authorize_scopes: data.scopes.join(' '),
        attributes_request_method: 'GET',
      },
    };
  const { metadataUrl, metadataFile } = data;
  if ((metadataUrl === undefined) === (metadataFile === undefined))
    throw invalid(given, ['either metadataUrl or metadataFile is needed']);
  return {
    name,
    type: 'SAML',
    domains,
    mapping: data.mapping,
    details:
      metadataUrl === undefined
        ? { MetadataFile: await contents(near(metadataFile ?? ''), metadataFile ?? '') }
        : { MetadataURL: metadataUrl },
  };
}

async function contents(file: string, shown: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text !== undefined && text.length <= maxFile) return text;
  throw new SaasError(
    'provider_file_invalid',
    `"${shown}" ${text === undefined ? "can't be read" : 'is too large'}`,
    {
      hint: 'docs/users.md has an example of each kind',
      exitCode: ExitCode.usage,
    },
  );
}

async function secretOf(
  where: z.infer<typeof secret>,
  near: (file: string) => string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const text =
    'env' in where ? env[where.env] : await readFile(near(where.file), 'utf8').catch(() => undefined);
  const found = text?.trim();
  if (found) return found;
  throw new SaasError('provider_secret_missing', "the client secret of the identity provider isn't there", {
    detail:
      'env' in where
        ? `the environment variable ${where.env} is empty`
        : `"${where.file}" is empty, or can't be read`,
    hint: 'set it, then run the command again; it is given to Cognito and kept nowhere else',
    exitCode: ExitCode.usage,
  });
}

function said(issue: z.core.$ZodIssue): string[] {
  const at = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => `unknown setting "${key}"`);
  const missing = issue.code === 'invalid_type' && /undefined/.test(issue.message);
  return [`${at ? `${at}: ` : ''}${missing ? 'is missing' : issue.message}`];
}

const invalid = (file: string, mistakes: string[]): SaasError =>
  new SaasError('provider_file_invalid', `"${file}" does not describe an identity provider`, {
    detail: mistakes.join('\n'),
    hint: 'docs/users.md has an example of each kind',
    exitCode: ExitCode.usage,
  });

/**
 * Sign-in at a SAML 2.0 provider (developer guide, "Using SAML identity providers with a user pool"): the request goes by the
 * HTTP-Redirect binding, the response comes by HTTP-POST. node-saml verifies the signature and reads the signed bytes alone;
 * what it leaves open of the Web Browser SSO profile (SAML 2.0 Profiles, section 4.1.4) is checked here. It is large, so this
 * module is loaded when somebody signs in so.
 */
import { type Profile, SAML, ValidateInResponseTo } from '@node-saml/node-saml';
import type { Cloud } from '../../../platform.ts';
import { callLoopback } from '../../event-bridge/loopback-call.ts';
import type { PoolRecord } from '../pools.ts';
import type { ProviderRecord } from './providers.ts';
import { parseMetadata, type SamlMetadata } from './saml-metadata.ts';

/** What ties a response to its request. */
export interface SamlExchange {
  pool: PoolRecord;
  provider: ProviderRecord;
  /** The request's ID, which is an XML name. */
  requestId: string;
  /** The assertion consumer service: where the response is posted to. */
  consumerUrl: string;
}

/** Clocks may differ by so much. */
const skewMs = 60_000;
const bearer = 'urn:oasis:names:tc:SAML:2.0:cm:bearer';

/** Where the browser goes to sign in. Throws an Error that says why it can't. */
export async function samlSignInUrl(
  cloud: Cloud,
  exchange: SamlExchange,
  relayState: string,
): Promise<string> {
  const saml = party(exchange, await metadataOf(cloud, exchange.provider));
  return saml.getAuthorizeUrlAsync(relayState, undefined, {});
}

/** The signed assertion's subject and attributes. Throws an Error that says what is wrong. */
export async function samlClaims(
  cloud: Cloud,
  exchange: SamlExchange,
  response: string,
): Promise<Record<string, unknown> & { sub: string }> {
  const metadata = await metadataOf(cloud, exchange.provider);
  const saml = party(exchange, metadata);
  const { profile } = await saml.validatePostResponseAsync({ SAMLResponse: response });
  if (!profile?.nameID) throw new Error('the assertion has no NameID');
  if (profile.issuer !== metadata.entityId) throw new Error('the assertion is of another issuer');
  checkConfirmation(exchange, profile);
  const attributes = (profile['attributes'] ?? {}) as Record<string, unknown>;
  return { ...attributes, sub: profile.nameID };
}

function party({ pool, requestId, consumerUrl }: SamlExchange, metadata: SamlMetadata): SAML {
  return new SAML({
    callbackUrl: consumerUrl,
    entryPoint: metadata.signInUrl,
    issuer: `urn:amazon:cognito:sp:${pool.id}`,
    idpCert: [...metadata.certificates],
    // Either must be signed by the provider: without a signed response the assertion's own signature is demanded.
    wantAuthnResponseSigned: false,
    wantAssertionsSigned: false,
    identifierFormat: null,
    disableRequestedAuthnContext: true,
    acceptedClockSkewMs: skewMs,
    generateUniqueId: () => requestId,
    validateInResponseTo: ValidateInResponseTo.always,
    cacheProvider: {
      saveAsync: () => Promise.resolve(null),
      getAsync: (id) => Promise.resolve(id === requestId ? new Date().toISOString() : null),
      removeAsync: () => Promise.resolve(null),
    },
  });
}

interface Confirmation {
  $?: { Method?: string };
  SubjectConfirmationData?: { $?: { Recipient?: string; InResponseTo?: string; NotOnOrAfter?: string } }[];
}

/** The signed assertion itself must be meant for this address and answer this request; its times are node-saml's to check. */
function checkConfirmation({ requestId, consumerUrl }: SamlExchange, profile: Profile): void {
  const assertion = profile.getAssertion?.() as
    | { Assertion?: { Subject?: { SubjectConfirmation?: Confirmation[] }[] } }
    | undefined;
  const confirmations = assertion?.Assertion?.Subject?.[0]?.SubjectConfirmation ?? [];
  const [only, another] = confirmations;
  const data = only?.SubjectConfirmationData?.[0]?.$;
  if (another || only?.$?.Method !== bearer || data?.NotOnOrAfter === undefined) {
    throw new Error('the assertion has no bearer confirmation with an end');
  }
  if (data.Recipient !== consumerUrl) throw new Error('the assertion is meant for another recipient');
  if (data.InResponseTo !== requestId) throw new Error('the assertion answers another request');
}

async function metadataOf(cloud: Cloud, { details }: ProviderRecord): Promise<SamlMetadata> {
  const { MetadataFile: file, MetadataURL: url = '' } = details;
  if (file !== undefined) return parseMetadata(file);
  const { status, text } = await callLoopback(cloud, new URL(url), { method: 'GET', headers: {} });
  if (status !== 200) throw new Error(`the metadata's address answered with status ${status}`);
  return parseMetadata(text);
}

/** What a SAML provider says of itself in its metadata (SAML 2.0 Metadata, section 2). */
import { X509Certificate } from 'node:crypto';
import { DOMParser } from '@xmldom/xmldom';
import { invalidParameter } from '../errors.ts';

export interface SamlMetadata {
  entityId: string;
  /** Where the browser takes requests, by the HTTP-Redirect binding. */
  signInUrl: string;
  signOutUrl: string | undefined;
  /** base64 of DER; an assertion signed by any of them counts. */
  certificates: readonly string[];
  /** When the last of them expires; milliseconds. */
  validUntil: number;
}

/** Cognito's limit of the whole document ("Things to know about SAML IdPs": no longer than 100,000 characters). */
const maxLength = 100_000;
const namespaces = {
  metadata: 'urn:oasis:names:tc:SAML:2.0:metadata',
  signature: 'http://www.w3.org/2000/09/xmldsig#',
};
const redirectBinding = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect';

/** Throws AwsError InvalidParameterException that says what is missing. */
export function parseMetadata(text: string): SamlMetadata {
  const bad = (what: string) => invalidParameter(`The SAML metadata is not valid: ${what}.`);
  if (text.length > maxLength) throw bad(`it is longer than ${maxLength} characters`);
  const errors: string[] = [];
  const note = (message: string) => errors.push(message);
  const document = new DOMParser({
    locator: {},
    errorHandler: { warning: note, error: note, fatalError: note },
  }).parseFromString(text, 'text/xml') as Document | undefined;
  if (errors.length > 0 || !document?.documentElement) throw bad('it is not well-formed XML');
  const elements = (from: Element | Document, name: string, namespace = namespaces.metadata): Element[] =>
    Array.from(from.getElementsByTagNameNS(namespace, name));
  const [entity, another] = elements(document, 'EntityDescriptor');
  const entityId = entity?.getAttribute('entityID');
  if (!entity || another || !entityId) throw bad('it must hold one EntityDescriptor with an entityID');
  const [role] = elements(entity, 'IDPSSODescriptor');
  if (!role) throw bad('it describes no identity provider (IDPSSODescriptor)');
  const location = (name: string): string | undefined =>
    elements(role, name)
      .find((each) => each.getAttribute('Binding') === redirectBinding)
      ?.getAttribute('Location') ?? undefined;
  const signInUrl = location('SingleSignOnService');
  if (!signInUrl || !/^https?:\/\//.test(signInUrl)) {
    throw bad('it has no SingleSignOnService with the HTTP-Redirect binding');
  }
  const certificates = elements(role, 'KeyDescriptor')
    .filter((key) => key.getAttribute('use') !== 'encryption')
    .flatMap((key) => elements(key, 'X509Certificate', namespaces.signature))
    .map((certificate) => (certificate.textContent ?? '').replace(/\s/g, ''));
  if (certificates.length === 0) throw bad('it has no signing certificate');
  const expiries = certificates.map((certificate) => {
    try {
      return Date.parse(new X509Certificate(Buffer.from(certificate, 'base64')).validTo);
    } catch {
      throw bad('a signing certificate can not be read');
    }
  });
  return {
    entityId,
    signInUrl,
    signOutUrl: location('SingleLogoutService'),
    certificates,
    validUntil: Math.max(...expiries),
  };
}

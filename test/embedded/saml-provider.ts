import type { KeyObject } from 'node:crypto';
import { signXml } from '@node-saml/node-saml/lib/xml.js';

/** The metadata of a SAML provider that takes requests at `signInUrl`. */
export const samlMetadata = (entityId: string, signInUrl: string, certificates: readonly string[]): string =>
  `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="${entityId}">
  <IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
${certificates.map((certificate) => `    <KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>${certificate}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>`).join('\n')}
    <SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="${signInUrl}"/>
  </IDPSSODescriptor>
</EntityDescriptor>`;

export interface SamlAnswer {
  issuer: string;
  audience: string;
  recipient: string;
  inResponseTo: string;
  nameId: string;
  attributes: Record<string, string | string[]>;
  /** From now, in seconds. */
  notBefore: number;
  notOnOrAfter: number;
}

const time = (seconds: number): string => new Date(Date.now() + seconds * 1000).toISOString();

/** An unsigned response with one assertion; what is given goes into it as it is. */
export function samlResponse(answer: SamlAnswer): string {
  const attributes = Object.entries(answer.attributes).map(
    ([name, values]) =>
      `<saml:Attribute Name="${name}">${[values]
        .flat()
        .map((value) => `<saml:AttributeValue>${value}</saml:AttributeValue>`)
        .join('')}</saml:Attribute>`,
  );
  const [notBefore, notOnOrAfter] = [time(answer.notBefore), time(answer.notOnOrAfter)];
  return (
    `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_response" Version="2.0" IssueInstant="${time(0)}" Destination="${answer.recipient}" InResponseTo="${answer.inResponseTo}">` +
    `<saml:Issuer xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">${answer.issuer}</saml:Issuer>` +
    '<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>' +
    `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_assertion" Version="2.0" IssueInstant="${time(0)}">` +
    `<saml:Issuer>${answer.issuer}</saml:Issuer>` +
    `<saml:Subject><saml:NameID>${answer.nameId}</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData Recipient="${answer.recipient}" InResponseTo="${answer.inResponseTo}" NotOnOrAfter="${notOnOrAfter}"/></saml:SubjectConfirmation></saml:Subject>` +
    `<saml:Conditions NotBefore="${notBefore}" NotOnOrAfter="${notOnOrAfter}"><saml:AudienceRestriction><saml:Audience>${answer.audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions>` +
    `<saml:AuthnStatement AuthnInstant="${time(0)}"/>` +
    `<saml:AttributeStatement>${attributes.join('')}</saml:AttributeStatement>` +
    '</saml:Assertion></samlp:Response>'
  );
}

/** Signs the assertion or the whole response, right after its issuer, as the schema demands. */
export function signed(xml: string, key: KeyObject, element: 'Assertion' | 'Response' = 'Assertion'): string {
  const path = `//*[local-name(.)='${element}']`;
  return signXml(
    xml,
    path,
    { reference: `${path}/*[local-name(.)='Issuer']`, action: 'after' },
    {
      privateKey: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
      signatureAlgorithm: 'sha256',
      digestAlgorithm: 'sha256',
    },
  );
}

/** AWS Certificate Manager: certificates that are imported. It issues none. */
import { createPrivateKey, randomUUID, X509Certificate } from 'node:crypto';
import {
  AddTagsToCertificate$,
  type AddTagsToCertificateRequest,
  type CertificateDetail,
  DeleteCertificate$,
  type DeleteCertificateRequest,
  DescribeCertificate$,
  type DescribeCertificateRequest,
  GetCertificate$,
  type GetCertificateRequest,
  ImportCertificate$,
  type ImportCertificateRequest,
  ListCertificates$,
  type ListCertificatesRequest,
  ListTagsForCertificate$,
  type ListTagsForCertificateRequest,
} from '@aws-sdk/client-acm';
import { type AcmApi, AwsError, type AwsService, arn, type Cloud, operation } from '../../platform.ts';
import { pageOf } from '../pages.ts';
import { type Tags, tagList, tagsFrom } from '../tags.ts';

interface CertificateRecord {
  arn: string;
  /** PEM */
  certificate: string;
  privateKey: string;
  chain?: string | undefined;
  /** ISO 8601 */
  imported: string;
  tags: Tags;
}

const invalid = (message: string): AwsError => new AwsError('ValidationException', message);
const pem = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8');

/** Throws ValidationException unless the key is the certificate's. */
function checked(certificate: string, privateKey: string): X509Certificate {
  let parsed: X509Certificate;
  try {
    parsed = new X509Certificate(certificate);
  } catch {
    throw invalid('The certificate field contains no valid PEM-encoded certificate.');
  }
  try {
    if (parsed.checkPrivateKey(createPrivateKey(privateKey))) return parsed;
  } catch {
    throw invalid('The private key is not a valid unencrypted PEM-encoded key.');
  }
  throw invalid('The private key does not match the certificate.');
}

const namesOf = (certificate: X509Certificate): string[] =>
  [...(certificate.subjectAltName ?? '').matchAll(/DNS:([^,\s]+)/g)].map(([, name = '']) => name);

export function createAcm(cloud: Cloud): AwsService & AcmApi {
  const records = cloud.store.collection<CertificateRecord>('acm.certificates');
  const get = (certificateArn = ''): CertificateRecord => {
    const record = records.get(certificateArn);
    if (record) return record;
    throw new AwsError(
      'ResourceNotFoundException',
      `Could not find certificate ${certificateArn} in account ${cloud.account}.`,
    );
  };
  const usersOf = (certificateArn: string): string[] => cloud.loadBalancer.listenersWith(certificateArn);
  const on = (action: string) => ({
    access: ({ CertificateArn = '*' }: { CertificateArn?: string | undefined }) => [
      { action: `acm:${action}`, resource: CertificateArn },
    ],
  });

  const detail = (record: CertificateRecord): CertificateDetail => {
    const parsed = new X509Certificate(record.certificate);
    const names = namesOf(parsed);
    const until = new Date(parsed.validTo);
    return {
      CertificateArn: record.arn,
      DomainName: names[0] ?? /CN=([^\n]+)/.exec(parsed.subject)?.[1] ?? '',
      SubjectAlternativeNames: names,
      Serial: parsed.serialNumber.toLowerCase().replace(/..(?!$)/g, '$&:'),
      Subject: parsed.subject.replaceAll('\n', ','),
      Issuer: /O=([^\n]+)/.exec(parsed.issuer)?.[1] ?? parsed.issuer.replaceAll('\n', ','),
      ImportedAt: new Date(record.imported),
      Status: until.getTime() > cloud.clock.now() ? 'ISSUED' : 'EXPIRED',
      NotBefore: new Date(parsed.validFrom),
      NotAfter: until,
      InUseBy: usersOf(record.arn),
      Type: 'IMPORTED',
      RenewalEligibility: 'INELIGIBLE',
    };
  };

  return {
    signingName: 'acm',
    protocol: 'json-1.1',
    operations: [
      operation(
        ImportCertificate$,
        (input: ImportCertificateRequest) => {
          const certificate = pem(input.Certificate) ?? '';
          const privateKey = pem(input.PrivateKey) ?? '';
          checked(certificate, privateKey);
          const known = input.CertificateArn === undefined ? undefined : get(input.CertificateArn);
          const record: CertificateRecord = {
            arn: known?.arn ?? arn(cloud, 'acm', `certificate/${randomUUID()}`),
            certificate,
            privateKey,
            chain: pem(input.CertificateChain),
            imported: new Date(cloud.clock.now()).toISOString(),
            tags: known?.tags ?? tagsFrom(input.Tags),
          };
          records.put(record.arn, record);
          return { CertificateArn: record.arn };
        },
        on('ImportCertificate'),
      ),
      operation(
        DescribeCertificate$,
        (input: DescribeCertificateRequest) => ({ Certificate: detail(get(input.CertificateArn)) }),
        on('DescribeCertificate'),
      ),
      operation(
        GetCertificate$,
        (input: GetCertificateRequest) => {
          const { certificate, chain } = get(input.CertificateArn);
          return { Certificate: certificate, CertificateChain: chain };
        },
        on('GetCertificate'),
      ),
      operation(ListCertificates$, (input: ListCertificatesRequest) => {
        const all = records.values().sort((left, right) => (left.arn < right.arn ? -1 : 1));
        const page = pageOf(all, (record) => record.arn, input.MaxItems ?? 100, input.NextToken);
        return {
          CertificateSummaryList: page.items.map((record) => {
            const { CertificateArn, DomainName, Status, NotAfter } = detail(record);
            return { CertificateArn, DomainName, Status, NotAfter };
          }),
          NextToken: page.next,
        };
      }),
      operation(
        DeleteCertificate$,
        (input: DeleteCertificateRequest) => {
          const record = get(input.CertificateArn);
          if (usersOf(record.arn).length > 0)
            throw new AwsError('ResourceInUseException', `Certificate ${record.arn} in account is in use.`);
          records.delete(record.arn);
          return {};
        },
        on('DeleteCertificate'),
      ),
      operation(
        AddTagsToCertificate$,
        (input: AddTagsToCertificateRequest) => {
          const record = get(input.CertificateArn);
          records.put(record.arn, { ...record, tags: { ...record.tags, ...tagsFrom(input.Tags) } });
          return {};
        },
        on('AddTagsToCertificate'),
      ),
      operation(
        ListTagsForCertificate$,
        (input: ListTagsForCertificateRequest) => ({ Tags: tagList(get(input.CertificateArn).tags) }),
        on('ListTagsForCertificate'),
      ),
    ],
    material: (certificateArn) => records.get(certificateArn),
  };
}

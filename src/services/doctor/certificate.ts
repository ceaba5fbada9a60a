/** The certificate that load balancers are to show: what is wrong with it shows as requests that fail, or one day will. */
import { ACMClient, type CertificateDetail, DescribeCertificateCommand } from '@aws-sdk/client-acm';
import type { InternalTls } from '../../model/security.ts';
import type { Target } from '../environment.ts';
import { type Check, fail, pass, warn } from './check.ts';

const dayMs = 24 * 3_600_000;
/** Days before its end from which on an imported certificate, which nobody renews by itself, is warned of. */
const soonDays = 30;

export async function checkCertificate(
  { client }: Pick<Target, 'client'>,
  { certificateArn, serverName }: InternalTls,
  now: Date = new Date(),
): Promise<Check> {
  const certificate = await find(client, certificateArn);
  if (!certificate)
    return fail(
      'certificate',
      `there is no certificate ${certificateArn}`,
      'set security.tls.certificateArn to one of AWS Certificate Manager in this account and Region',
    );
  const { Status, DomainName, SubjectAlternativeNames = [], NotAfter, Type } = certificate;
  const names = [...new Set([...(DomainName ? [DomainName] : []), ...SubjectAlternativeNames])];
  if (!names.some((name) => covers(name, serverName)))
    return fail(
      'certificate',
      `the certificate is for ${names.join(', ') || 'no name'}, and not for ${serverName}`,
      'set security.tls.serverName to a name that the certificate is for, or take another certificate',
    );
  const ends = NotAfter?.toISOString().slice(0, 10);
  if (Status === 'EXPIRED' || (NotAfter && NotAfter <= now))
    return fail(
      'certificate',
      `the certificate for ${serverName} expired${ends === undefined ? '' : ` on ${ends}`}`,
      'import its successor under the same ARN, or set security.tls.certificateArn to another',
    );
  if (Status !== 'ISSUED')
    return fail(
      'certificate',
      `the certificate for ${serverName} is ${(Status ?? 'in an unknown state').toLowerCase().replaceAll('_', ' ')}`,
      'finish its validation in AWS Certificate Manager; a load balancer takes one that is issued',
    );
  if (Type === 'IMPORTED' && NotAfter && NotAfter.getTime() - now.getTime() < soonDays * dayMs)
    return warn(
      'certificate',
      `the certificate for ${serverName} ends on ${ends}, and is imported: nobody renews it by itself`,
      'import its successor under the same ARN; the load balancers take it by themselves',
    );
  return pass('certificate', `for ${serverName}${ends === undefined ? '' : `, until ${ends}`}`);
}

async function find(client: Target['client'], arn: string): Promise<CertificateDetail | undefined> {
  try {
    return (await new ACMClient(client).send(new DescribeCertificateCommand({ CertificateArn: arn })))
      .Certificate;
  } catch (error) {
    if (error instanceof Error && error.name === 'ResourceNotFoundException') return undefined;
    throw error;
  }
}

/** A wildcard stands for one label (RFC 6125, 6.4.3). */
export function covers(name: string, serverName: string): boolean {
  const [certified, asked] = [name.toLowerCase(), serverName.toLowerCase()];
  if (certified === asked) return true;
  return certified.startsWith('*.') && certified.slice(1) === asked.slice(asked.indexOf('.'));
}

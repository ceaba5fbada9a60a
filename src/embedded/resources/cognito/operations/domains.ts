/** Domains of user pools. */
import {
  CreateUserPoolDomain$,
  type CreateUserPoolDomainCommandInput,
  DeleteUserPoolDomain$,
  type DeleteUserPoolDomainCommandInput,
  DescribeUserPoolDomain$,
  type DescribeUserPoolDomainCommandInput,
  UpdateUserPoolDomain$,
  type UpdateUserPoolDomainCommandInput,
} from '@aws-sdk/client-cognito-identity-provider';
import { type Operation, operation } from '../../../platform.ts';
import { createDomain, describeDomain, domains } from '../domains.ts';
import { invalidParameter } from '../errors.ts';
import type { Parts } from '../parts.ts';
import { onPool } from './making.ts';

export function domainOperations(parts: Parts): Operation[] {
  const { cloud } = parts;
  const domainIn = (poolId: string, domain: string | undefined) => {
    const record = domains(cloud).get(domain ?? '');
    if (record?.poolId !== poolId) throw invalidParameter(`No such domain or user pool exists.`);
    return record;
  };

  return [
    onPool(parts, CreateUserPoolDomain$, (input: CreateUserPoolDomainCommandInput, pool) => {
      const { CustomDomainConfig: custom, ManagedLoginVersion: managedLoginVersion } = input;
      const { cloudFront } = createDomain(cloud, pool.id, input.Domain ?? '', {
        custom,
        managedLoginVersion,
      });
      return { CloudFrontDomain: custom && cloudFront, ManagedLoginVersion: managedLoginVersion ?? 1 };
    }),
    operation(DescribeUserPoolDomain$, (input: DescribeUserPoolDomainCommandInput) => {
      const record = domains(cloud).get(input.Domain ?? '');
      return { DomainDescription: record ? describeDomain(cloud, record) : {} };
    }),
    onPool(parts, UpdateUserPoolDomain$, (input: UpdateUserPoolDomainCommandInput, pool) => {
      const record = domainIn(pool.id, input.Domain);
      domains(cloud).put(record.domain, {
        ...record,
        custom: input.CustomDomainConfig ?? record.custom,
        managedLoginVersion: input.ManagedLoginVersion ?? record.managedLoginVersion,
      });
      return { CloudFrontDomain: record.custom && record.cloudFront };
    }),
    onPool(parts, DeleteUserPoolDomain$, (input: DeleteUserPoolDomainCommandInput, pool) => {
      domains(cloud).delete(domainIn(pool.id, input.Domain).domain);
      return {};
    }),
  ];
}

/** Service Quotas: tells the limits that this cloud enforces. An account here has AWS's defaults; none can be raised. */
import {
  GetAWSDefaultServiceQuota$,
  type GetAWSDefaultServiceQuotaRequest,
  type GetAWSDefaultServiceQuotaResponse,
  GetServiceQuota$,
  type GetServiceQuotaRequest,
  type GetServiceQuotaResponse,
  ListServiceQuotas$,
  type ListServiceQuotasRequest,
  type ListServiceQuotasResponse,
  type ServiceQuota,
} from '@aws-sdk/client-service-quotas';
import { AwsError, type AwsService, arn, type Cloud, operation } from '../../platform.ts';
import { compareText, pageOf } from '../pages.ts';
import { type Quota, type QuotaService, quotaServices } from './catalogue.ts';

export function createServiceQuotas(cloud: Cloud): AwsService {
  const described = (service: QuotaService, quota: Quota): ServiceQuota => ({
    ServiceCode: service.code,
    ServiceName: service.name,
    QuotaArn: arn(cloud, 'servicequotas', `${service.code}/${quota.code}`),
    QuotaCode: quota.code,
    QuotaName: quota.name,
    Value: quota.value,
    Unit: 'None',
    Adjustable: quota.adjustable,
    GlobalQuota: quota.global ?? false,
    QuotaAppliedAtLevel: 'ACCOUNT',
  });

  const serviceOf = (code: string | undefined): QuotaService => {
    const service = quotaServices.find((candidate) => candidate.code === code);
    if (!service)
      throw noSuchResource(`The request failed because the specified service does not exist: ${code ?? ''}`);
    return service;
  };

  const quotaOf = (input: GetServiceQuotaRequest): ServiceQuota => {
    const service = serviceOf(input.ServiceCode);
    const quota = service.quotas.find(({ code }) => code === input.QuotaCode);
    if (!quota)
      throw noSuchResource(
        `The request failed because the specified quota does not exist: ${input.QuotaCode ?? ''}`,
      );
    return described(service, quota);
  };

  return {
    signingName: 'servicequotas',
    protocol: 'json-1.1',
    operations: [
      operation<GetServiceQuotaRequest, GetServiceQuotaResponse>(GetServiceQuota$, (input) => ({
        Quota: quotaOf(input),
      })),
      operation<GetAWSDefaultServiceQuotaRequest, GetAWSDefaultServiceQuotaResponse>(
        GetAWSDefaultServiceQuota$,
        (input) => ({ Quota: quotaOf(input) }),
      ),
      operation<ListServiceQuotasRequest, ListServiceQuotasResponse>(ListServiceQuotas$, (input) => {
        const service = serviceOf(input.ServiceCode);
        const quotas = service.quotas
          .filter(({ code }) => input.QuotaCode === undefined || code === input.QuotaCode)
          .sort((a, b) => compareText(a.code, b.code));
        const page = pageOf(
          quotas,
          ({ code }) => code,
          input.MaxResults ?? 100,
          input.NextToken,
          'InvalidPaginationTokenException',
        );
        return { Quotas: page.items.map((quota) => described(service, quota)), NextToken: page.next };
      }),
    ],
  };
}

const noSuchResource = (message: string): AwsError => new AwsError('NoSuchResourceException', message);

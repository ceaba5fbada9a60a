import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ApiGatewayV2Client, CreateVpcLinkCommand } from '@aws-sdk/client-apigatewayv2';
import {
  GetAWSDefaultServiceQuotaCommand,
  GetServiceQuotaCommand,
  ListServiceQuotasCommand,
  type ServiceQuota,
  ServiceQuotasClient,
} from '@aws-sdk/client-service-quotas';
import { CreateHttpNamespaceCommand, ServiceDiscoveryClient } from '@aws-sdk/client-servicediscovery';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningCloud, startCloud } from '../../src/embedded/cloud.ts';

let cloud: RunningCloud;
let stateDir = '';
let quotas: ServiceQuotasClient;
const options = () => ({
  region: 'us-east-1',
  endpoint: cloud.endpoint,
  credentials: { accessKeyId: 'operator', secretAccessKey: 'operator' },
});

beforeAll(async () => {
  stateDir = await mkdtemp(path.join(tmpdir(), 'saas-ecs-quotas-'));
  cloud = await startCloud({ stateDir });
  quotas = new ServiceQuotasClient(options());
});
afterAll(async () => {
  await cloud.stop();
  await rm(stateDir, { recursive: true, force: true });
});

const quotaValue = async (ServiceCode: string, QuotaCode: string): Promise<number> =>
  (await quotas.send(new GetServiceQuotaCommand({ ServiceCode, QuotaCode }))).Quota?.Value ?? 0;

describe('a quota', () => {
  it('is described as AWS describes it', async () => {
    const asked = { ServiceCode: 'apigateway', QuotaCode: 'L-608BDCD4' };
    const { Quota } = await quotas.send(new GetServiceQuotaCommand(asked));
    expect(Quota).toMatchObject({
      ...asked,
      ServiceName: 'Amazon API Gateway',
      QuotaName: 'VPC links(V2)',
      QuotaArn: 'arn:aws:servicequotas:us-east-1:000000000000:apigateway/L-608BDCD4',
      Value: 10,
      Adjustable: true,
      GlobalQuota: false,
    });
    expect((await quotas.send(new GetAWSDefaultServiceQuotaCommand(asked))).Quota?.Value).toBe(10);
  });

  it('is what the service refuses one more at', async () => {
    const gateway = new ApiGatewayV2Client(options());
    const links = await quotaValue('apigateway', 'L-608BDCD4');
    const link = () => gateway.send(new CreateVpcLinkCommand({ Name: 'link', SubnetIds: ['subnet-1'] }));
    for (let count = 0; count < links; count++) await link();
    await expect(link()).rejects.toThrow();

    const discovery = new ServiceDiscoveryClient(options());
    const namespaces = await quotaValue('AWSCloudMap', 'L-0FE3F50E');
    const namespace = (index: number) =>
      discovery.send(new CreateHttpNamespaceCommand({ Name: `namespace-${index}` }));
    for (let index = 0; index < namespaces; index++) await namespace(index);
    await expect(namespace(namespaces)).rejects.toMatchObject({ name: 'ResourceLimitExceeded' });
  });

  it('that nothing here enforces is refused by name', async () => {
    for (const asked of [
      { ServiceCode: 'apigateway', QuotaCode: 'L-00000000' },
      { ServiceCode: 'nothing', QuotaCode: 'L-608BDCD4' },
    ])
      await expect(quotas.send(new GetServiceQuotaCommand(asked))).rejects.toMatchObject({
        name: 'NoSuchResourceException',
      });
  });
});

describe("a service's quotas", () => {
  it('are listed page by page, each once', async () => {
    const found: ServiceQuota[] = [];
    let NextToken: string | undefined;
    do {
      const page = await quotas.send(
        new ListServiceQuotasCommand({
          ServiceCode: 'elasticloadbalancing',
          MaxResults: 2,
          ...(NextToken && { NextToken }),
        }),
      );
      expect(page.Quotas?.length).toBeLessThanOrEqual(2);
      found.push(...(page.Quotas ?? []));
      ({ NextToken } = page as { NextToken: string | undefined });
    } while (NextToken);
    expect(found.map(({ QuotaCode, Value }) => [QuotaCode, Value])).toContainEqual(['L-822D1B1B', 100]);
    expect(new Set(found.map(({ QuotaCode }) => QuotaCode)).size).toBe(found.length);
  });
});

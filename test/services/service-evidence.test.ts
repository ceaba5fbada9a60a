/** What is found out about services that do not run as they should; on ECS, logs and a load balancer that live. */
import { CloudWatchLogs } from '@aws-sdk/client-cloudwatch-logs';
import { ElasticLoadBalancingV2 } from '@aws-sdk/client-elastic-load-balancing-v2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClientOptions } from '../../src/services/environment.ts';
import { causeOf } from '../../src/services/explain/causes.ts';
import { ServiceEvidence } from '../../src/services/explain/service-evidence.ts';
import {
  credentials,
  type Fixture,
  network,
  region,
  startFixture,
  until,
  webImage,
} from '../embedded/ecs-fixture.ts';

const crash = `console.log('reading the settings, with password=hunter2');
console.error('cannot start: REVIEWS_KEY is not set');
process.exit(7);
`;

let fixture: Fixture;
let options: ClientOptions;
beforeAll(async () => {
  fixture = await startFixture();
  options = { region, endpoint: fixture.cloud.endpoint, credentials };
  await fixture.ecs.createCluster({ clusterName: 'main' });
  await new CloudWatchLogs(options).createLogGroup({ logGroupName: '/saas-ecs/test' });
});
afterAll(() => fixture.close());

/** Starts a service of one task; gives its ARN. */
async function start(name: string, image: string, targetGroupArn?: string): Promise<string> {
  const { taskDefinition } = await fixture.ecs.registerTaskDefinition({
    family: name,
    networkMode: 'awsvpc',
    cpu: '256',
    memory: '512',
    containerDefinitions: [
      {
        name,
        image,
        essential: true,
        portMappings: [{ containerPort: 3010 }],
        logConfiguration: {
          logDriver: 'awslogs',
          options: {
            'awslogs-group': '/saas-ecs/test',
            'awslogs-region': region,
            'awslogs-stream-prefix': name,
          },
        },
      },
    ],
  });
  const { service } = await fixture.ecs.createService({
    cluster: 'main',
    serviceName: `${name}-service`,
    taskDefinition: taskDefinition?.taskDefinitionArn,
    desiredCount: 1,
    networkConfiguration: network,
    ...(targetGroupArn !== undefined && {
      loadBalancers: [{ containerName: name, containerPort: 3010, targetGroupArn }],
    }),
  });
  return service?.serviceArn ?? '';
}

describe('the evidence of a service', () => {
  it('whose task exits at its start is the exit code and the last log lines, without secrets', async () => {
    const arn = await start('reviews', await fixture.image('crash', webImage(crash)));
    const evidence = new ServiceEvidence(options);
    const links = await until(async () => {
      const found = await evidence.of(arn);
      return found.some(({ kind }) => kind === 'log') && found;
    });
    const of = (kind: string) => links.filter((link) => link.kind === kind);
    expect(links[0]).toMatchObject({ kind: 'service', name: 'reviews-service', status: 'unhealthy' });
    expect(of('task')).toMatchObject([
      {
        status: 'exited with 7',
        detail: expect.stringContaining('Essential container'),
        at: expect.any(String),
      },
    ]);
    expect(of('log')).toMatchObject([
      {
        status: 'last lines of /saas-ecs/test',
        detail: 'reading the settings, with password=***\ncannot start: REVIEWS_KEY is not set',
      },
    ]);
    expect(causeOf(links)).toMatchObject({ code: 'image_exits' });
  });

  it('that runs is one link', async () => {
    const arn = await start('web', await fixture.image('web', webImage()));
    const [link, ...more] = await until(async () => {
      const found = await new ServiceEvidence(options).of(arn);
      return found[0]?.status === 'healthy' && found;
    });
    expect(link).toMatchObject({ kind: 'service', detail: '1 of 1 tasks run' });
    expect(more).toEqual([]);
  });

  it('that runs and that the load balancer does not reach is its targets', async () => {
    const { TargetGroups } = await new ElasticLoadBalancingV2(options).createTargetGroup({
      Name: 'lonely',
      Protocol: 'HTTP',
      Port: 3010,
      VpcId: 'vpc-1',
      TargetType: 'ip',
    });
    const arn = await start(
      'lonely',
      await fixture.image('web', webImage()),
      TargetGroups?.[0]?.TargetGroupArn,
    );
    const links = await until(async () => {
      const found = await new ServiceEvidence(options).of(arn);
      return found.some(({ kind }) => kind === 'target') && found;
    });
    // Its container names it, as in saas-ecs.yaml.
    expect(links[0]).toMatchObject({ kind: 'service', name: 'lonely', status: 'unhealthy' });
    expect(links.at(-1)).toMatchObject({
      kind: 'target',
      name: 'lonely',
      detail: expect.stringMatching(/:3010: ./),
    });
  });

  it('that is gone is nothing', async () => {
    expect(
      await new ServiceEvidence(options).of('arn:aws:ecs:us-east-1:000000000000:service/main/never'),
    ).toEqual([]);
  });
});

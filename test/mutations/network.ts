/** How to take away what separates tenants inside the VPC: the listener's rules and the security groups. */
import {
  CloudFormationClient,
  CreateStackCommand,
  DeleteStackCommand,
  waitUntilStackCreateComplete,
  waitUntilStackDeleteComplete,
} from '@aws-sdk/client-cloudformation';
import { DescribeServicesCommand, ECSClient } from '@aws-sdk/client-ecs';
import {
  DescribeRulesCommand,
  ElasticLoadBalancingV2Client,
  ModifyRuleCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Mutation } from './mutation.ts';
import type { Restore, World } from './world.ts';

const pool = ['pool'] as const;

/** A rule more in a security group, by a stack of its own. */
async function ingress(world: World, groupId: string): Promise<Restore> {
  const cloudformation = new CloudFormationClient(world.context.target.client);
  const StackName = `mutation-${Math.random().toString(36).slice(2, 8)}`;
  const rule = {
    Type: 'AWS::EC2::SecurityGroupIngress',
    Properties: { GroupId: groupId, IpProtocol: 'tcp', FromPort: 0, ToPort: 65_535, CidrIp: '10.0.0.0/16' },
  };
  await cloudformation.send(
    new CreateStackCommand({ StackName, TemplateBody: JSON.stringify({ Resources: { Rule: rule } }) }),
  );
  const waiting = { client: cloudformation, maxWaitTime: 60, minDelay: 1, maxDelay: 1 };
  await waitUntilStackCreateComplete(waiting, { StackName });
  return async () => {
    await cloudformation.send(new DeleteStackCommand({ StackName }));
    await waitUntilStackDeleteComplete(waiting, { StackName });
  };
}

export const networkMutations: readonly Mutation[] = [
  {
    control: 'listener-rule-header',
    how: "listener: a silo's rule without its condition on tenantPath",
    async apply(world) {
      const elb = new ElasticLoadBalancingV2Client(world.context.target.client);
      const { Rules = [] } = await elb.send(
        new DescribeRulesCommand({ ListenerArn: world.session.shared.cell.listenerArn }),
      );
      const rule = Rules.filter(({ Priority }) => Priority !== 'default')
        .sort((a, b) => Number(a.Priority) - Number(b.Priority))
        .find(({ Conditions = [] }) =>
          JSON.stringify(Conditions).includes(
            world.context.config.services.find(({ image }) => image === 'builtin:product')?.path ?? '',
          ),
        );
      const conditions = (rule?.Conditions ?? []).map(({ Values: _, ...condition }) => condition);
      const put = (Conditions: typeof conditions) =>
        elb.send(new ModifyRuleCommand({ RuleArn: rule?.RuleArn, Conditions }));
      await put(conditions.filter(({ Field }) => Field !== 'http-header'));
      return () => put(conditions);
    },
  },
  {
    control: 'load-balancer-group',
    how: "security group: the load balancer's lets the whole network in",
    attacks: ['load-balancer-ways-in'],
    models: pool,
    apply: (world) => ingress(world, world.session.shared.cell.loadBalancerSecurityGroupId),
  },
  {
    control: 'task-group',
    how: "security group: a tenant's lets the whole network in",
    models: pool,
    async apply(world) {
      const { attacker } = world.scene('dedicated-cluster');
      const { services = [] } = await new ECSClient(world.context.target.client).send(
        new DescribeServicesCommand({
          cluster: attacker.cluster,
          services: Object.values(attacker.services).slice(0, 1),
        }),
      );
      const [group = ''] = services[0]?.networkConfiguration?.awsvpcConfiguration?.securityGroups ?? [];
      return ingress(world, group);
    },
  },
];

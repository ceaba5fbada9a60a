/** State machines: creating, changing, describing and deleting them. */
import { randomUUID } from 'node:crypto';
import {
  CreateStateMachine$,
  type CreateStateMachineInput,
  DeleteStateMachine$,
  type DeleteStateMachineInput,
  DescribeStateMachine$,
  type DescribeStateMachineInput,
  ListStateMachines$,
  type ListStateMachinesInput,
  ListTagsForResource$,
  type ListTagsForResourceInput,
  type LoggingConfiguration,
  type Tag,
  TagResource$,
  type TagResourceInput,
  UntagResource$,
  type UntagResourceInput,
  UpdateStateMachine$,
  type UpdateStateMachineInput,
  ValidateStateMachineDefinition$,
  type ValidateStateMachineDefinitionInput,
} from '@aws-sdk/client-sfn';
import { type Access, AwsError, arn, type Cloud, type Operation, operation } from '../../platform.ts';
import { ServiceSessions } from '../../service-call.ts';
import { compareText, pageOf } from '../pages.ts';
import type { Tags } from '../tags.ts';
import type { Executions } from './executions.ts';
import { integrationOf } from './integrations/index.ts';
import { parseDefinition } from './language/definition.ts';
import type { LoggingSettings, StateMachineRecord, StepFunctionsState } from './state.ts';

/** "Quotas for Step Functions": state machines and activities of an account and Region. */
const maxMachines = 100_000;
/** The rule by which Step Functions hears of a build's end; the role must be allowed to manage it. */
const buildRule = 'rule/StepFunctionsGetEventForCodeBuildStartBuildRule';

export type StateMachines = ReturnType<typeof createStateMachines>;

export function createStateMachines(cloud: Cloud, state: StepFunctionsState, executions: Executions) {
  /** Throws AwsError InvalidDefinition; returns the task resources that the definition names. */
  const check = (definition: string): string[] => {
    const resources: string[] = [];
    parseDefinition(definition, (resource) => {
      integrationOf(cloud, resource);
      resources.push(resource);
    });
    return resources;
  };

  const sessions = new ServiceSessions(cloud, 'states.amazonaws.com');
  /** Throws AwsError AccessDeniedException for a role that Step Functions can't assume or that lacks what .sync takes. */
  const checkRole = (roleArn: string, resources: readonly string[]): void => {
    if (!/^arn:[^:]+:iam::\d{12}:role\/.+/.test(roleArn))
      throw new AwsError('InvalidArn', `Invalid Role Arn: '${roleArn}'`);
    let principal: ReturnType<ServiceSessions['principal']>;
    try {
      principal = sessions.principal(roleArn, 'StepFunctions');
    } catch {
      throw new AwsError(
        'AccessDeniedException',
        `Neither the global service principal states.amazonaws.com, nor the regional one is authorized to assume the provided role.`,
      );
    }
    if (!resources.some((resource) => resource.endsWith(':codebuild:startBuild.sync'))) return;
    try {
      for (const action of ['events:PutTargets', 'events:PutRule', 'events:DescribeRule'])
        cloud.iam.authorize(principal, { action, resource: arn(cloud, 'events', buildRule) });
    } catch {
      throw new AwsError('AccessDeniedException', `'${roleArn}' is not authorized to create managed-rule.`);
    }
  };

  const create = (input: CreateStateMachineInput, tags: Tags): StateMachineRecord => {
    const { name = '', definition = '', roleArn = '' } = input;
    if (!/^[^\s<>{}[\]?*"#%\\^|~`$&,;:/]{1,80}$/.test(name))
      throw new AwsError('InvalidName', `Invalid Name: '${name}'`);
    refuseUnavailable(input);
    const machineArn = state.machineArn(name);
    const known = state.machines.get(machineArn);
    if (known) {
      // Creating the same again is no error.
      if (known.definition === definition && known.roleArn === roleArn) return known;
      throw new AwsError('StateMachineAlreadyExists', `State Machine Already Exists: '${machineArn}'`);
    }
    if (state.machines.keys().length >= maxMachines)
      throw new AwsError('StateMachineLimitExceeded', 'State Machine Limit Exceeded');
    checkRole(roleArn, check(definition));
    const record: StateMachineRecord = {
      name,
      arn: machineArn,
      definition,
      roleArn,
      revisionId: randomUUID(),
      logging: loggingOf(input.loggingConfiguration),
      tracing: input.tracingConfiguration?.enabled ?? false,
      tags,
      created: cloud.clock.now(),
    };
    state.machines.put(machineArn, record);
    return record;
  };

  const update = (input: UpdateStateMachineInput, tags?: Tags): StateMachineRecord => {
    const known = state.machine(input.stateMachineArn);
    refuseUnavailable(input);
    const next: StateMachineRecord = {
      ...known,
      definition: input.definition ?? known.definition,
      roleArn: input.roleArn ?? known.roleArn,
      logging: input.loggingConfiguration ? loggingOf(input.loggingConfiguration) : known.logging,
      tracing: input.tracingConfiguration?.enabled ?? known.tracing,
      tags: tags ?? known.tags,
      revisionId: randomUUID(),
    };
    checkRole(next.roleArn, check(next.definition));
    state.machines.put(next.arn, next);
    return next;
  };

  /** Succeeds when there is none. */
  const remove = async (stateMachineArn: string): Promise<void> => {
    if (!state.machines.has(stateMachineArn)) return;
    await executions.remove(stateMachineArn);
    state.machines.delete(stateMachineArn);
  };

  const onMachine = <Input, Output>(
    schema: unknown,
    action: string,
    handler: (input: Input) => Output | Promise<Output>,
  ): Operation =>
    operation(schema, handler, {
      access(input): Access[] {
        const { stateMachineArn, resourceArn, name } = input as Record<string, string | undefined>;
        return [
          {
            action: `states:${action}`,
            resource: stateMachineArn ?? resourceArn ?? state.machineArn(name ?? ''),
          },
        ];
      },
    });

  const operations: Operation[] = [
    onMachine(CreateStateMachine$, 'CreateStateMachine', (input: CreateStateMachineInput) => {
      const record = create(input, tagsOf(input.tags));
      return { stateMachineArn: record.arn, creationDate: record.created };
    }),
    onMachine(UpdateStateMachine$, 'UpdateStateMachine', (input: UpdateStateMachineInput) => ({
      revisionId: update(input).revisionId,
      updateDate: cloud.clock.now(),
    })),
    onMachine(DeleteStateMachine$, 'DeleteStateMachine', async (input: DeleteStateMachineInput) => {
      await remove(input.stateMachineArn ?? '');
      return {};
    }),
    onMachine(DescribeStateMachine$, 'DescribeStateMachine', (input: DescribeStateMachineInput) => {
      const record = state.machine(input.stateMachineArn);
      return {
        stateMachineArn: record.arn,
        name: record.name,
        status: 'ACTIVE',
        type: 'STANDARD',
        definition: record.definition,
        roleArn: record.roleArn,
        creationDate: record.created,
        revisionId: record.revisionId,
        tracingConfiguration: { enabled: record.tracing },
        loggingConfiguration: {
          level: record.logging.level,
          includeExecutionData: record.logging.includeExecutionData,
          destinations: record.logging.groups.map((group) => ({
            cloudWatchLogsLogGroup: { logGroupArn: `${arn(cloud, 'logs', `log-group:${group}`)}:*` },
          })),
        },
      };
    }),
    operation(ListStateMachines$, (input: ListStateMachinesInput) => {
      const all = state.machines.values().sort((left, right) => compareText(left.arn, right.arn));
      const page = pageOf(
        all,
        (machine) => machine.arn,
        input.maxResults || 100,
        input.nextToken,
        'InvalidToken',
      );
      return {
        stateMachines: page.items.map((machine) => ({
          stateMachineArn: machine.arn,
          name: machine.name,
          type: 'STANDARD',
          creationDate: machine.created,
        })),
        nextToken: page.next,
      };
    }),
    operation(ValidateStateMachineDefinition$, (input: ValidateStateMachineDefinitionInput) => {
      try {
        check(input.definition ?? '');
        return { result: 'OK', diagnostics: [] };
      } catch (error) {
        const { code, message } = error as AwsError;
        return { result: 'FAIL', diagnostics: [{ severity: 'ERROR', code, message }] };
      }
    }),
    onMachine(TagResource$, 'TagResource', (input: TagResourceInput) => {
      const machine = state.machine(input.resourceArn);
      state.machines.put(machine.arn, { ...machine, tags: { ...machine.tags, ...tagsOf(input.tags) } });
      return {};
    }),
    onMachine(UntagResource$, 'UntagResource', (input: UntagResourceInput) => {
      const machine = state.machine(input.resourceArn);
      const tags = Object.entries(machine.tags).filter(([key]) => !input.tagKeys?.includes(key));
      state.machines.put(machine.arn, { ...machine, tags: Object.fromEntries(tags) });
      return {};
    }),
    onMachine(ListTagsForResource$, 'ListTagsForResource', (input: ListTagsForResourceInput) => ({
      tags: Object.entries(state.machine(input.resourceArn).tags).map(([key, value]) => ({ key, value })),
    })),
  ];
  return { check, create, update, remove, operations };
}

function refuseUnavailable(input: Partial<CreateStateMachineInput & UpdateStateMachineInput>): void {
  const refused =
    input.type === 'EXPRESS' ? 'an Express workflow' : input.publish ? 'publishing versions' : undefined;
  if (refused !== undefined)
    throw new AwsError('ValidationException', `${refused} is not available in the embedded cloud`);
}

const tagsOf = (tags: readonly Tag[] | undefined): Tags =>
  Object.fromEntries((tags ?? []).map(({ key = '', value = '' }) => [key, value]));

function loggingOf(given: LoggingConfiguration | undefined): LoggingSettings {
  return {
    level: given?.level ?? 'OFF',
    includeExecutionData: given?.includeExecutionData ?? false,
    groups: (given?.destinations ?? []).flatMap(({ cloudWatchLogsLogGroup }) => {
      const group = cloudWatchLogsLogGroup?.logGroupArn?.split(':log-group:')[1]?.replace(/:\*$/, '');
      return group === undefined ? [] : [group];
    }),
  };
}

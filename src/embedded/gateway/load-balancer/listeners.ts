/** Listeners: create, describe, change, delete. */
import {
  type Certificate,
  CreateListener$,
  type CreateListenerInput,
  type CreateListenerOutput,
  DeleteListener$,
  type DeleteListenerInput,
  DescribeListenerAttributes$,
  type DescribeListenerAttributesInput,
  DescribeListeners$,
  type DescribeListenersInput,
  type DescribeListenersOutput,
  type Listener,
  ModifyListener$,
  ModifyListenerAttributes$,
  type ModifyListenerAttributesInput,
  type ModifyListenerInput,
  type ModifyListenerOutput,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { AwsError, type Cloud, type Operation, operation } from '../../platform.ts';
import { checkActions } from './actions.ts';
import { attributeList, listenerDefaults, mergeAttributes } from './attributes.ts';
import { describedActions } from './described.ts';
import { pageOf } from './page.ts';
import { quotas, within } from './quotas.ts';
import { elbArn, fullName, type ListenerRecord, type LoadBalancerState, newId, tagMap } from './state.ts';

const invalid = (message: string): AwsError => new AwsError('ValidationError', message);

const shown = ({ description }: ListenerRecord): Listener => ({
  ...description,
  DefaultActions: describedActions(description.DefaultActions),
});

export interface Listeners {
  create(input: CreateListenerInput): ListenerRecord;
  modify(input: ModifyListenerInput): ListenerRecord;
  modifyAttributes(
    record: ListenerRecord,
    attributes: NonNullable<ModifyListenerAttributesInput['Attributes']>,
  ): ListenerRecord;
  delete(arn: string): void;
  readonly operations: readonly Operation[];
}

function checkProtocol(protocol: string | undefined, port: number | undefined, certificates: number): void {
  if (protocol !== 'HTTP' && protocol !== 'HTTPS')
    throw invalid(`The listener protocol '${String(protocol)}' must be HTTP or HTTPS`);
  if (port === undefined || !Number.isInteger(port) || port < 1 || port > 65_535)
    throw invalid(`The listener port '${String(port)}' must be between 1 and 65535`);
  if (protocol === 'HTTPS' && certificates === 0)
    throw new AwsError('CertificateNotFound', 'A certificate must be specified for HTTPS listeners');
}

/** A listener that can't show its certificate would serve nobody. */
function checkCertificates(cloud: Cloud, certificates: readonly Certificate[]): void {
  for (const { CertificateArn = '' } of certificates)
    if (!cloud.acm.material(CertificateArn))
      throw new AwsError('CertificateNotFound', `Certificate '${CertificateArn}' not found`);
}

export function createListeners(cloud: Cloud, state: LoadBalancerState): Listeners {
  const put = (record: ListenerRecord): ListenerRecord => {
    state.listeners.put(record.arn, record);
    state.changed();
    return record;
  };
  const checkPort = (loadBalancerArn: string, port: number | undefined, except?: string): void => {
    if (state.listenersOf(loadBalancerArn).some((each) => each.port === port && each.arn !== except))
      throw new AwsError(
        'DuplicateListener',
        `A listener already exists on this port for this load balancer '${loadBalancerArn}'`,
      );
  };

  const listeners: Omit<Listeners, 'operations'> = {
    create(input) {
      const { LoadBalancerArn = '', Protocol, Port } = input;
      state.loadBalancer(LoadBalancerArn);
      checkProtocol(Protocol, Port, input.Certificates?.length ?? 0);
      checkCertificates(cloud, input.Certificates ?? []);
      checkPort(LoadBalancerArn, Port);
      within(
        state.listenersOf(LoadBalancerArn).length + 1,
        quotas.listenersPerLoadBalancer,
        'TooManyListeners',
        `The maximum number of listeners has been reached: ${quotas.listenersPerLoadBalancer}`,
      );
      checkActions(state, LoadBalancerArn, input.DefaultActions ?? []);
      const path = `${fullName(LoadBalancerArn)}/${newId()}`;
      const arn = elbArn(cloud, `listener/${path}`);
      return put({
        arn,
        loadBalancerArn: LoadBalancerArn,
        port: Port ?? 0,
        defaultRuleArn: elbArn(cloud, `listener-rule/${path}/${newId()}`),
        attributes: { ...listenerDefaults },
        tags: tagMap(input.Tags),
        description: {
          ListenerArn: arn,
          LoadBalancerArn,
          Port,
          Protocol,
          DefaultActions: input.DefaultActions,
          ...(input.Certificates && { Certificates: input.Certificates }),
          ...(input.SslPolicy && { SslPolicy: input.SslPolicy }),
        },
      });
    },

    modify(input) {
      const record = state.listener(input.ListenerArn);
      const { description } = record;
      const certificates = input.Certificates ?? description.Certificates;
      const Port = input.Port ?? record.port;
      const Protocol = input.Protocol ?? description.Protocol;
      checkProtocol(Protocol, Port, certificates?.length ?? 0);
      checkCertificates(cloud, input.Certificates ?? []);
      checkPort(record.loadBalancerArn, Port, record.arn);
      if (input.DefaultActions) checkActions(state, record.loadBalancerArn, input.DefaultActions);
      return put({
        ...record,
        port: Port,
        description: {
          ...description,
          Port,
          Protocol,
          DefaultActions: input.DefaultActions ?? description.DefaultActions,
          ...(certificates && { Certificates: certificates }),
          ...(input.SslPolicy && { SslPolicy: input.SslPolicy }),
        },
      });
    },

    modifyAttributes: (record, attributes) =>
      put({ ...record, attributes: mergeAttributes(record.attributes, attributes, listenerDefaults) }),

    delete(arn) {
      if (!state.listeners.has(arn)) return;
      for (const rule of state.rulesOf(arn)) state.rules.delete(rule.arn);
      state.listeners.delete(arn);
      state.changed();
    },
  };

  return {
    ...listeners,
    operations: [
      operation(
        CreateListener$,
        (input: CreateListenerInput): CreateListenerOutput => ({
          Listeners: [shown(listeners.create(input))],
        }),
      ),
      operation(DescribeListeners$, (input: DescribeListenersInput): DescribeListenersOutput => {
        if (!input.LoadBalancerArn && !input.ListenerArns)
          throw invalid('You must specify either listener ARNs or a load balancer ARN');
        const found = input.ListenerArns
          ? input.ListenerArns.map((arn) => state.listener(arn))
          : state.listenersOf(state.loadBalancer(input.LoadBalancerArn).arn);
        const page = pageOf(found, input, 400);
        return { Listeners: page.items.map(shown), NextMarker: page.next };
      }),
      operation(
        ModifyListener$,
        (input: ModifyListenerInput): ModifyListenerOutput => ({
          Listeners: [shown(listeners.modify(input))],
        }),
      ),
      operation(DeleteListener$, (input: DeleteListenerInput) => {
        listeners.delete(state.listener(input.ListenerArn).arn);
        return {};
      }),
      operation(DescribeListenerAttributes$, (input: DescribeListenerAttributesInput) => ({
        Attributes: attributeList(state.listener(input.ListenerArn).attributes),
      })),
      operation(ModifyListenerAttributes$, (input: ModifyListenerAttributesInput) => ({
        Attributes: attributeList(
          listeners.modifyAttributes(state.listener(input.ListenerArn), input.Attributes ?? []).attributes,
        ),
      })),
    ],
  };
}

/** Instances of Cloud Map services: registered by callers, told to who discovers. */
import {
  DeregisterInstance$,
  type DeregisterInstanceRequest,
  DiscoverInstances$,
  type DiscoverInstancesRequest,
  GetInstance$,
  type GetInstanceRequest,
  ListInstances$,
  type ListInstancesRequest,
  RegisterInstance$,
  type RegisterInstanceRequest,
} from '@aws-sdk/client-servicediscovery';
import { AwsError, type Operation, operation } from '../../platform.ts';
import type { Directory } from './directory.ts';

export function instanceOperations(directory: Directory): Operation[] {
  const instance = (serviceId: string | undefined, id: string | undefined) => {
    const service = directory.service(serviceId);
    const found = directory.instances.get(`${service.Id}/${id}`);
    if (!found) throw new AwsError('InstanceNotFound', `Instance ${id} does not exist.`);
    return found;
  };
  return [
    operation(RegisterInstance$, (input: RegisterInstanceRequest) => {
      const service = directory.service(input.ServiceId);
      const id = input.InstanceId ?? '';
      if (!id) throw new AwsError('InvalidInput', 'InstanceId is required.');
      directory.instances.put(`${service.Id}/${id}`, {
        serviceId: service.Id,
        id,
        attributes: input.Attributes ?? {},
      });
      return directory.done('REGISTER_INSTANCE', { SERVICE: service.Id, INSTANCE: id });
    }),
    operation(DeregisterInstance$, (input: DeregisterInstanceRequest) => {
      const found = instance(input.ServiceId, input.InstanceId);
      directory.instances.delete(`${found.serviceId}/${found.id}`);
      return directory.done('DEREGISTER_INSTANCE', { SERVICE: found.serviceId, INSTANCE: found.id });
    }),
    operation(GetInstance$, (input: GetInstanceRequest) => {
      const found = instance(input.ServiceId, input.InstanceId);
      return { Instance: { Id: found.id, Attributes: found.attributes } };
    }),
    operation(ListInstances$, (input: ListInstancesRequest) => {
      const found = directory.instancesOf(directory.service(input.ServiceId).Id);
      const from = Number(input.NextToken ?? 0);
      const until = from + (input.MaxResults ?? 100);
      return {
        Instances: found.slice(from, until).map(({ id, attributes }) => ({ Id: id, Attributes: attributes })),
        NextToken: until < found.length ? String(until) : undefined,
      };
    }),
    operation(DiscoverInstances$, (input: DiscoverInstancesRequest) => {
      const namespace = directory.namespace(input.NamespaceName);
      const service = directory.services
        .values()
        .find((known) => known.NamespaceId === namespace.Id && known.Name === input.ServiceName);
      if (!service) throw new AwsError('ServiceNotFound', `Service ${input.ServiceName} does not exist.`);
      const wanted = Object.entries(input.QueryParameters ?? {});
      const found = directory
        .instancesOf(service.Id)
        .filter(({ attributes }) => wanted.every(([name, value]) => attributes[name] === value));
      return {
        Instances: found.slice(0, input.MaxResults ?? 100).map(({ id, attributes }) => ({
          InstanceId: id,
          NamespaceName: namespace.Name,
          ServiceName: service.Name,
          HealthStatus: 'UNKNOWN',
          Attributes: attributes,
        })),
      };
    }),
  ];
}

/** Services of a name space. */
import {
  CreateService$,
  type CreateServiceRequest,
  CreateServiceRequest$,
  DeleteService$,
  type DeleteServiceRequest,
  GetService$,
  type GetServiceRequest,
  ListServices$,
  type ListServicesRequest,
  UpdateService$,
  type UpdateServiceRequest,
} from '@aws-sdk/client-servicediscovery';
import {
  AwsError,
  type Cloud,
  type Operation,
  operation,
  type Properties,
  type ResourceType,
} from '../../platform.ts';
import { inputFromProperties } from '../../resource-properties.ts';
import { type Directory, newId, type ServiceRecord } from './directory.ts';

export function createServices(
  cloud: Cloud,
  directory: Directory,
): { operations: Operation[]; resourceTypes: Record<string, ResourceType> } {
  const create = (input: CreateServiceRequest): ServiceRecord => {
    const { Name = '', Tags = [], DnsConfig } = input;
    if (!/^[\w.-]{1,127}$/.test(Name)) throw new AwsError('InvalidInput', `Invalid service name '${Name}'.`);
    const namespace = directory.namespace(input.NamespaceId ?? DnsConfig?.NamespaceId);
    const known = directory.services
      .values()
      .find((service) => service.NamespaceId === namespace.Id && service.Name === Name);
    if (known)
      throw new AwsError('ServiceAlreadyExists', `Service with name ${Name} already exists.`, 400, {
        ServiceId: known.Id,
        ServiceArn: known.Arn,
      });
    const id = newId('srv');
    const service: ServiceRecord = {
      Id: id,
      Arn: directory.arn(`service/${id}`),
      ResourceOwner: cloud.account,
      Name,
      NamespaceId: namespace.Id,
      Description: input.Description,
      DnsConfig,
      Type: DnsConfig ? 'DNS_HTTP' : 'HTTP',
      HealthCheckConfig: input.HealthCheckConfig,
      HealthCheckCustomConfig: input.HealthCheckCustomConfig,
      CreateDate: new Date(),
      tags: Tags,
    };
    directory.services.put(id, service);
    return service;
  };

  const view = ({ tags: _tags, ...service }: ServiceRecord) => ({
    ...service,
    InstanceCount: directory.instancesOf(service.Id).length,
  });

  const remove = (id: string | undefined): void => {
    const service = directory.service(id);
    if (directory.instancesOf(service.Id).length > 0)
      throw new AwsError(
        'ResourceInUse',
        `Service ${service.Id} can't be deleted: it still has registered instances.`,
      );
    directory.services.delete(service.Id);
  };

  const operations: Operation[] = [
    operation(CreateService$, (input: CreateServiceRequest) => ({ Service: view(create(input)) })),
    operation(GetService$, (input: GetServiceRequest) => ({ Service: view(directory.service(input.Id)) })),
    operation(UpdateService$, (input: UpdateServiceRequest) => {
      const service = directory.service(input.Id);
      const { Description, HealthCheckConfig } = input.Service ?? {};
      directory.services.put(service.Id, {
        ...service,
        Description: Description ?? service.Description,
        HealthCheckConfig: HealthCheckConfig ?? service.HealthCheckConfig,
      });
      return directory.done('UPDATE_SERVICE', { SERVICE: service.Id });
    }),
    operation(DeleteService$, (input: DeleteServiceRequest) => {
      remove(input.Id);
      return {};
    }),
    operation(ListServices$, (input: ListServicesRequest) => {
      const namespaces = input.Filters?.find((filter) => filter.Name === 'NAMESPACE_ID')?.Values;
      const found = directory.services
        .values()
        .filter((service) => !namespaces || namespaces.includes(service.NamespaceId));
      const from = Number(input.NextToken ?? 0);
      const until = from + (input.MaxResults ?? 100);
      return {
        Services: found.slice(from, until).map(view),
        NextToken: until < found.length ? String(until) : undefined,
      };
    }),
  ];

  const read = ({ DnsConfig, ...properties }: Properties): CreateServiceRequest => {
    const request = inputFromProperties<CreateServiceRequest>(CreateServiceRequest$, {
      ...properties,
      ...(DnsConfig !== undefined && { DnsConfig }),
    });
    return request;
  };
  const serviceType: ResourceType = {
    replaceOn: ['Name', 'NamespaceId', 'Type', 'HealthCheckCustomConfig'],
    validate: (properties) => void read(properties),
    create(context, properties) {
      const request = read(properties);
      const stackTags = Object.entries(context.tags).map(([Key, Value]) => ({ Key, Value }));
      const service = create({
        ...request,
        Name: request.Name ?? context.physicalName(64),
        Tags: [...stackTags, ...(request.Tags ?? [])],
      });
      return {
        physicalId: service.Id,
        attributes: { Id: service.Id, Arn: service.Arn, Name: service.Name },
      };
    },
    update(_context, physicalId, properties) {
      const service = directory.service(physicalId);
      const { Description, DnsConfig, HealthCheckConfig } = read(properties);
      directory.services.put(service.Id, { ...service, Description, DnsConfig, HealthCheckConfig });
      return { physicalId, attributes: { Id: service.Id, Arn: service.Arn, Name: service.Name } };
    },
    delete(_context, physicalId) {
      if (directory.services.has(physicalId)) remove(physicalId);
    },
  };
  return { operations, resourceTypes: { 'AWS::ServiceDiscovery::Service': serviceType } };
}

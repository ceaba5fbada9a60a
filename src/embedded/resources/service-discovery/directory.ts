/** What Cloud Map keeps. */
import { randomBytes } from 'node:crypto';
import type { Namespace, Operation, Service, Tag } from '@aws-sdk/client-servicediscovery';
import { AwsError, arn, type Cloud } from '../../platform.ts';
import type { Collection } from '../../store.ts';

export interface NamespaceRecord extends Namespace {
  Id: string;
  Arn: string;
  Name: string;
  tags: Tag[];
}

export interface ServiceRecord extends Service {
  Id: string;
  Arn: string;
  Name: string;
  NamespaceId: string;
  tags: Tag[];
}

export interface InstanceRecord {
  serviceId: string;
  id: string;
  attributes: Record<string, string>;
}

export interface Directory {
  readonly namespaces: Collection<NamespaceRecord>;
  readonly services: Collection<ServiceRecord>;
  /** Key: `<service id>/<instance id>`. */
  readonly instances: Collection<InstanceRecord>;
  arn(resource: string): string;
  /** By ARN, id or name. */
  namespace(reference: string | undefined): NamespaceRecord;
  service(id: string | undefined): ServiceRecord;
  instancesOf(serviceId: string): InstanceRecord[];
  /** Changes are immediate, but callers poll their operations: each has one that is done. */
  done(type: Operation['Type'], targets: Record<string, string>): { OperationId: string };
  operation(id: string | undefined): Operation;
}

/** Operations that can still be asked for. */
const operationsKept = 500;

export const newId = (prefix: string): string =>
  `${prefix}-${BigInt(`0x${randomBytes(10).toString('hex')}`)
    .toString(36)
    .padStart(16, '0')
    .slice(0, 16)}`;

export function openDirectory(cloud: Cloud): Directory {
  const operations = new Map<string, Operation>();
  const directory: Directory = {
    namespaces: cloud.store.collection('cloud-map-namespaces'),
    services: cloud.store.collection('cloud-map-services'),
    instances: cloud.store.collection('cloud-map-instances'),
    arn: (resource) => arn(cloud, 'servicediscovery', resource),
    namespace(reference = '') {
      const id = reference.slice(reference.lastIndexOf('/') + 1);
      const found =
        directory.namespaces.get(id) ??
        directory.namespaces.values().find((namespace) => namespace.Name === reference);
      if (!found) throw new AwsError('NamespaceNotFound', `Namespace ${reference} does not exist.`);
      return found;
    },
    service(id = '') {
      const found = directory.services.get(id.slice(id.lastIndexOf('/') + 1));
      if (!found) throw new AwsError('ServiceNotFound', `Service ${id} does not exist.`);
      return found;
    },
    instancesOf: (serviceId) =>
      directory.instances.values().filter((instance) => instance.serviceId === serviceId),
    done(type, targets) {
      const id = newId('op');
      const now = new Date();
      operations.set(id, {
        Id: id,
        Type: type,
        Status: 'SUCCESS',
        CreateDate: now,
        UpdateDate: now,
        Targets: targets,
      });
      for (const old of [...operations.keys()].slice(0, Math.max(0, operations.size - operationsKept)))
        operations.delete(old);
      return { OperationId: id };
    },
    operation(id = '') {
      const found = operations.get(id);
      if (!found) throw new AwsError('OperationNotFound', `Operation ${id} does not exist.`);
      return found;
    },
  };
  return directory;
}

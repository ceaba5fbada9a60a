/** One HTTP route of a service, relative to its `path`; `methods: ['ANY']` admits all. */
export interface ServiceRoute {
  /** '' for the service's own path, else e.g. '/{id}' or '/{proxy+}'. */
  path: string;
  methods: readonly string[];
}

/** A microservice of the application: one entry of `services` in saas-ecs.yaml, defaults filled in. */
export interface Service {
  /** Lower case, unique, e.g. `orders`. Names the target group, the task, the log group and the Service Connect alias `<name>-api`. */
  name: string;
  /** Path prefix at the API, e.g. `/orders`. */
  path: string;
  /** `builtin:order|product|user`, or a directory with a Dockerfile, absolute once the configuration is loaded. */
  image: string;
  /** The container's port. */
  port: number;
  /** CPU units of the task: 256 is a quarter of a vCPU. */
  cpu: number;
  /** MiB. */
  memory: number;
  /** A DynamoDB table with partition key `tenantId` and this sort key; none when absent. */
  table?: { sortKey: string };
  /** `data`: reads and writes its table. `identity`: manages the users of the tenant's user pool. `none`: neither. */
  access: 'data' | 'identity' | 'none';
  routes: readonly ServiceRoute[];
  /** Tasks a silo or the pool keeps at least and scales to at most. */
  tasks: { min: number; max: number };
  /** Plain environment variables of the container. */
  environment: Readonly<Record<string, string>>;
}

export const builtinImages = ['order', 'product', 'user'] as const;
export type BuiltinImage = (typeof builtinImages)[number];

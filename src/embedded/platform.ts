/**
 * The embedded cloud's inner contract: what an AWS service is here, and what services ask of each other.
 * A service is one file or folder below `resources/`, `compute/`, `gateway/`, `iam/` or `cloudformation/`; `cloud.ts`
 * puts them together. A service reaches its neighbours through {@link Cloud} at call time, never at construction.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import type { Store } from './store.ts';

export type Protocol = 'json-1.0' | 'json-1.1' | 'query' | 'ec2' | 'rest-json' | 'rest-xml';

/** An error that goes to the caller on the wire; `code` is AWS's, e.g. `ResourceNotFoundException`. */
export class AwsError extends Error {
  override readonly name = 'AwsError';
  readonly code: string;
  readonly status: number;
  /** Further members of the modelled error, e.g. `CancellationReasons`. */
  readonly members: Record<string, unknown>;
  constructor(code: string, message: string, status = 400, members: Record<string, unknown> = {}) {
    super(message);
    this.code = code;
    this.status = status;
    this.members = members;
  }
}

/** Who calls. `administrator`: the account itself, by credentials that our STS did not issue. */
export interface Principal {
  type: 'administrator' | 'role' | 'anonymous';
  /** `arn:aws:sts::<account>:assumed-role/<role>/<session>` or the account root's ARN. */
  arn: string;
  /** What GetCallerIdentity answers: `AROA…:session`. */
  userId: string;
  accessKeyId?: string;
  roleArn?: string;
  /** Session tags, as `aws:PrincipalTag/<key>`. */
  tags: Readonly<Record<string, string>>;
  /** Session policy documents (parsed JSON) that narrow the role's. */
  sessionPolicies: readonly unknown[];
}

/** One AWS API call under way. */
export interface Call {
  principal: Principal;
  operation: string;
  requestId: string;
  /** The raw request: for bodies that stream (S3) and for headers. */
  request?: IncomingMessage;
}

/** What a call needs to be allowed to do; see {@link Operation.access}. */
export interface Access {
  /** e.g. `dynamodb:GetItem` */
  action: string;
  /** ARN; `*` matches any statement's resource. */
  resource: string;
  /** Condition keys and their values, e.g. `{ 'dynamodb:LeadingKeys': ['t1'] }`. */
  context?: Record<string, string | string[] | undefined>;
}

/**
 * One operation of a service. A handler's output may hold timestamps as Date, as ISO text (what the store gives back) or
 * as milliseconds; streams (`GetObject`'s Body) as Buffer or Readable. `schema` is the SDK client's runtime schema (`DescribeServices$`): name, input,
 * output, HTTP binding. Use {@link operation} to make one.
 */
export interface Operation {
  schema: unknown;
  // Input and output are typed where the operation is made; the endpoint only carries them.
  handler: (input: never, call: Call) => unknown;
  /** Default: `<iamPrefix>:<operation>` on `*`. An empty list: needs no permission (GetCallerIdentity, InitiateAuth). */
  access?: (input: never, call: Call) => Access[];
  /** May be called without credentials. */
  public?: boolean;
}

export function operation<Input, Output>(
  schema: unknown,
  handler: (input: Input, call: Call) => Output | Promise<Output>,
  options: { access?: (input: Input, call: Call) => Access[]; public?: boolean } = {},
): Operation {
  return {
    schema,
    handler: handler as Operation['handler'],
    ...(options as Pick<Operation, 'access' | 'public'>),
  };
}

export interface AwsService {
  /** The credential scope's service name, e.g. `elasticloadbalancing`. */
  readonly signingName: string;
  /** IAM's prefix where it differs from the signing name. */
  readonly iamPrefix?: string;
  /** X-Amz-Target prefix for the JSON protocols, API version for the query protocols: derived from the schema where possible. */
  readonly protocol: Protocol;
  /** XML namespace of query and REST-XML responses. */
  readonly xmlNamespace?: string;
  readonly operations: readonly Operation[];
  /**
   * A short cut past schemas for services whose engine takes and gives wire bodies (DynamoDB). The service authorizes
   * by itself; an AwsError that it throws is encoded as the protocol wants. Undefined: the operation goes the usual way.
   */
  raw?(operation: string, body: Buffer, call: Call): Promise<RawResponse> | undefined;
  /** Names of the operations that {@link raw} answers. */
  readonly rawOperations?: readonly string[];
  /** CloudFormation types that this service makes real, e.g. `AWS::ECS::Service`. */
  readonly resourceTypes?: Readonly<Record<string, ResourceType>>;
  /** Paths below `/_aws/` that are served without AWS's protocols: JWKS, execute-api, container credentials. */
  readonly routes?: readonly Route[];
  /** Brings back what ran when the process ended. Called once, after all services exist and the endpoint listens. */
  start?(): Promise<void>;
  /** Resolves when what {@link start} brought back is at work again; rejects on abort, when that takes too long. */
  returned?(signal: AbortSignal): Promise<void>;
  /**
   * Ends processes and timers; the state stays. It is not called when this process is killed: every child process holds
   * a pipe or IPC channel of ours and ends when that closes.
   */
  stop?(): Promise<void>;
}

/** See {@link AwsService.raw}. */
export interface RawResponse {
  status: number;
  body: Buffer | string;
  /** e.g. `application/x-amz-json-1.0` */
  contentType: string;
  headers?: Readonly<Record<string, string>>;
}

export interface Route {
  /** e.g. `/_aws/execute-api/`; matched as a prefix of the path. */
  prefix: string;
  handle(request: IncomingMessage, response: ServerResponse, url: URL): void | Promise<void>;
}

/** What a CloudFormation resource handler knows of its stack. */
export interface ResourceContext {
  stackId: string;
  stackName: string;
  logicalId: string;
  /** The stack's tags, to be merged under the resource's own. */
  tags: Readonly<Record<string, string>>;
  /** Aborts when the operation is cancelled. */
  signal: AbortSignal;
  /** Express mode: the operation goes on once a thing is configured, whether it is ready or not. */
  express?: boolean;
  /** A unique physical name `<stack>-<logicalId>-<random>` of at most `max` characters; stable for one creation. */
  physicalName(max?: number): string;
  /**
   * Records the physical id as soon as the thing exists, for handlers that take long to see it stable: should the
   * process end, or creation fail or be cancelled after that, the engine deletes it by this id.
   */
  initiated?(physicalId: string): void;
}

export interface ResourceState {
  /** What `Ref` gives. */
  physicalId: string;
  /** What `Fn::GetAtt` gives, by dotted name. */
  attributes?: Record<string, unknown>;
}

/**
 * One CloudFormation resource type. Properties come fully resolved (no intrinsic function left). A handler
 * resolves when the resource is stable: an ECS service when its tasks are healthy. It throws to fail the resource; the
 * message becomes the event's ResourceStatusReason.
 */
export interface ResourceType {
  /** Where docs/embedded-cloud.md lists it; default: live. Inert: recorded only. Refused: its validation says why. */
  readonly presence?: 'inert' | 'refused';
  /** Top-level properties whose change means replacement; with `'*'` every change does. */
  readonly replaceOn?: readonly string[];
  /** Throws an AwsError or Error that names what is wrong with the properties. Also run for change sets. */
  validate?(properties: Properties): void;
  create(context: ResourceContext, properties: Properties): Promise<ResourceState> | ResourceState;
  /** Without it every change replaces. */
  update?(
    context: ResourceContext,
    physicalId: string,
    properties: Properties,
    previous: Properties,
  ): Promise<ResourceState> | ResourceState;
  /** Must succeed when the thing is gone already. */
  delete(context: ResourceContext, physicalId: string, properties: Properties): Promise<void> | void;
}
export type Properties = Readonly<Record<string, unknown>>;

// ---- what services ask of each other -------------------------------------------------------------------------

export interface IamApi {
  /**
   * Evaluates identity policies (inline and attached), session policies and, for roles, the trust policy's outcome
   * that STS recorded. Throws AwsError AccessDenied with AWS's wording when not allowed; administrators pass.
   */
  authorize(principal: Principal, access: Access): void;
}

export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  expiration: Date;
}

export interface StsApi {
  /** For platforms: credentials of a role, with the service principal's trust checked (e.g. `ecs-tasks.amazonaws.com`). */
  issueForService(roleArn: string, servicePrincipal: string, sessionName: string): Credentials;
  /**
   * Who signed this request. Keys that this STS issued need their session token and must not have expired, else
   * AwsError InvalidClientTokenId or ExpiredToken; other keys are the account's administrator; none is anonymous.
   */
  principalOf(accessKeyId: string | undefined, sessionToken: string | undefined): Principal;
}

export interface LambdaApi {
  /**
   * Runs a function by ARN or name; rejects with the function's error (its `errorMessage`) or a time-out. With
   * `caller` the function's resource policy must let that service invoke it for that resource, else AwsError AccessDeniedException.
   */
  invoke(
    functionName: string,
    event: unknown,
    caller?: { service: string; sourceArn?: string },
  ): Promise<unknown>;
}

export interface LogsApi {
  /** Creates group and stream where missing; never fails. */
  append(group: string, stream: string, messages: readonly string[]): void;
  /** The newest `count` messages of a stream, oldest first. */
  tail(group: string, stream: string, count: number): string[];
}

export interface S3Api {
  read(bucket: string, key: string): Promise<Buffer>;
}

export interface SsmApi {
  /** Throws AwsError ParameterNotFound. */
  value(name: string): string;
}

export interface SecretsApi {
  /** By name or ARN; throws AwsError ResourceNotFoundException. */
  value(secretId: string): string;
  /** Creates a secret that another service owns, or gives it a new value. Returns its ARN. */
  put(nameOrArn: string, value: string, owner: string): string;
  /** Succeeds when it is gone already. */
  remove(secretId: string): void;
}

export interface EventsApi {
  /** Puts an event of a service of this cloud (`aws.codebuild`) on the default bus. */
  emit(event: {
    source: string;
    detailType: string;
    resources: readonly string[];
    detail: Readonly<Record<string, unknown>>;
  }): void;
}

export interface CodeBuildApi {
  /** Resolves when the build of that id has ended in whatever way, or is not known. Rejects when `signal` aborts. */
  ended(buildId: string, signal: AbortSignal): Promise<void>;
}

export interface Image {
  /** Directory whose content is the image's file system, as far as COPY and ADD filled it. */
  root: string;
  workdir: string;
  env: Readonly<Record<string, string>>;
  entrypoint: readonly string[];
  cmd: readonly string[];
  user: string;
  exposed: readonly number[];
  digest: string;
}

export interface EcrApi {
  /** The image behind `<account>.dkr.ecr.<region>.<suffix>/<repository>:<tag>` or `@<digest>`; throws AwsError when unknown. */
  image(uri: string): Image;
}

export interface Target {
  id: string;
  /** Where to connect: a loopback address. */
  host: string;
  port: number;
}

export interface LoadBalancerApi {
  register(targetGroupArn: string, target: Target): void;
  /** Takes a target out; resolves when requests under way to it have ended or the drain delay is over. */
  deregister(targetGroupArn: string, targetId: string): Promise<void>;
  /** Resolves when the target has passed its health checks; rejects with the last failure's reason after `timeoutMs` or on abort. */
  healthy(targetGroupArn: string, targetId: string, timeoutMs: number, signal?: AbortSignal): Promise<void>;
  /** Unhealthy targets are reported to whoever runs them. */
  onUnhealthy(listener: (targetGroupArn: string, targetId: string, reason: string) => void): void;
  /** ARNs of the listeners that show a certificate. */
  listenersWith(certificateArn: string): string[];
  /** Routes one request by the rules of the load balancer's HTTP listener on `port`, and writes the answer. */
  forward(
    loadBalancerArn: string,
    port: number,
    request: LoadBalancerRequest,
    response: ServerResponse,
    responseHeaders: Readonly<Record<string, string>>,
  ): Promise<void>;
  /**
   * As {@link forward}, with the answer handed back. Used by VPC links. Rejects when `signal` aborts or when the load balancer has no
   * listener on that port or the TLS handshake fails; a target's failure is an answer (502, 503, 504).
   */
  send(
    loadBalancerArn: string,
    port: number,
    request: LoadBalancerRequest,
    signal?: AbortSignal,
  ): Promise<LoadBalancerResponse>;
}

export interface CertificateMaterial {
  /** All PEM. */
  certificate: string;
  privateKey: string;
  chain?: string | undefined;
}

export interface AcmApi {
  /** What a listener shows and proves by; undefined for a certificate that was not imported. */
  material(certificateArn: string): CertificateMaterial | undefined;
}

export interface LoadBalancerRequest {
  method: string;
  /** Raw, with the query. */
  path: string;
  headers: Record<string, string | string[]>;
  body: Buffer;
  /** The caller speaks TLS, and expects a certificate for this name. */
  serverName?: string;
  /** Who connects, for source-ip conditions and X-Forwarded-For. Default: 127.0.0.1. */
  sourceIp?: string;
}

export interface LoadBalancerResponse {
  status: number;
  /** Names and values in turn, as they came; without hop-by-hop headers. */
  headers: readonly string[];
  /** A stream must be read or destroyed. */
  body: Readable | Buffer;
}

export interface ServiceDiscoveryApi {
  /** Name of an HTTP namespace by ARN, id or name. */
  namespaceName(reference: string): string;
}

export interface CognitoApi {
  /** Every mail that Cognito "sent", newest last. */
  outbox(): readonly Mail[];
}

export interface Mail {
  at: string;
  to: string;
  subject: string;
  body: string;
  userPoolId: string;
  /** Temporary password or code that the mail carries. */
  secret: string;
}

export interface CloudFormationApi {
  /** Resource types of all services, inert ones included. */
  resourceType(name: string): ResourceType | undefined;
}

export interface HttpApisApi {
  /** Answers a request to `/_aws/execute-api/<api>…`; undefined when that is no HTTP API. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<void> | undefined;
}

export interface KeyUse {
  /** On whose behalf, or the service itself as the key's policy names it; nobody is asked for when absent: only the key's state counts. */
  caller?: Principal | { service: string } | undefined;
  /** The service through which the caller comes, e.g. `dynamodb`. */
  via?: string;
  encryptionContext?: Readonly<Record<string, string>>;
}

export interface KmsApi {
  /**
   * What a service that encrypts does before it touches data: the key must be there and enabled, and its policy must let
   * the caller do `action` (`Decrypt`) through that service. Gives the key's ARN; throws KMS's AwsErrors. Keys that AWS
   * manages (`alias/aws/s3`) are everybody's who may use the service.
   */
  use(key: string, action: string, use: KeyUse): string;
}

/** A request to a stage, as AWS WAF looks at it. */
export interface WafRequest {
  method: string;
  /** Raw, beginning with the stage. */
  path: string;
  /** Raw, without its question mark. */
  query: string;
  sourceIp: string;
  /** By lower-case name. */
  header(name: string): string | undefined;
}

export interface WafApi {
  /** Counts the request at the stage's web ACL; false when that blocks it. True where there is none. */
  admits(apiId: string, stage: string, request: WafRequest): boolean;
  /** The web ACL of a stage. */
  webAclOf(apiId: string, stage: string): string | undefined;
}

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
}

/** The whole of one embedded cloud. */
export interface Cloud {
  readonly account: string;
  readonly region: string;
  /** `aws` */
  readonly partition: string;
  /** `http://127.0.0.1:<port>`; known once the endpoint listens. */
  readonly endpoint: string;
  readonly stateDir: string;
  /** A directory with Python packages for functions, beside what they and their layers bring. */
  readonly pythonPackages: string | undefined;
  /** A directory into which IAM writes down what roles call; nothing is written where it is undefined. */
  readonly recordCalls: string | undefined;
  readonly store: Store;
  readonly clock: Clock;
  /** Builds that CodeBuild runs at the same time; the others wait. */
  readonly concurrentBuilds: number;
  /** The embedded cloud's own log; one line a call. */
  log(message: string): void;

  readonly services: readonly AwsService[];
  readonly iam: IamApi;
  readonly sts: StsApi;
  readonly lambda: LambdaApi;
  readonly logs: LogsApi;
  readonly s3: S3Api;
  readonly ssm: SsmApi;
  readonly secrets: SecretsApi;
  readonly events: EventsApi;
  readonly codeBuild: CodeBuildApi;
  readonly ecr: EcrApi;
  readonly loadBalancer: LoadBalancerApi;
  readonly serviceDiscovery: ServiceDiscoveryApi;
  readonly cognito: CognitoApi;
  readonly cloudFormation: CloudFormationApi;
  readonly httpApis: HttpApisApi;
  readonly waf: WafApi;
  readonly kms: KmsApi;
  readonly acm: AcmApi;
}

export const arn = (
  cloud: Pick<Cloud, 'partition' | 'region' | 'account'>,
  service: string,
  resource: string,
): string => `arn:${cloud.partition}:${service}:${cloud.region}:${cloud.account}:${resource}`;

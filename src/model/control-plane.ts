/**
 * What the two control planes (`sbt`, `builtin`) have in common: events, scopes, the shape of a registration. Names and
 * shapes are those of the SaaS Builder Toolkit 0.5 (github.com/awslabs/sbt-aws), so that either can stand for the other.
 */
export const controlPlanes = ['sbt', 'builtin'] as const;
export type ControlPlaneKind = (typeof controlPlanes)[number];

export const eventSources = {
  controlPlane: 'controlPlaneEventSource',
  applicationPlane: 'applicationPlaneEventSource',
} as const;

/** Detail types; requests come from the control plane, outcomes from whoever provisioned. */
export const registrationEvents = {
  onboardingRequest: 'onboardingRequest',
  offboardingRequest: 'offboardingRequest',
  provisionSuccess: 'provisionSuccess',
  provisionFailure: 'provisionFailure',
  deprovisionSuccess: 'deprovisionSuccess',
  deprovisionFailure: 'deprovisionFailure',
} as const;
export type Outcome = Exclude<keyof typeof registrationEvents, 'onboardingRequest' | 'offboardingRequest'>;
export const outcomes: readonly Outcome[] = [
  'provisionSuccess',
  'provisionFailure',
  'deprovisionSuccess',
  'deprovisionFailure',
];

/** OAuth scopes, as `<resource server>/<scope>`. */
export const scopes = {
  tenantRead: 'tenant/tenant_read',
  tenantWrite: 'tenant/tenant_write',
  userRead: 'user/user_read',
  userWrite: 'user/user_write',
} as const;

/** Roles of those who use the control plane, the administrators' first. */
export const operatorRoles = ['SystemAdmin', 'CustomerSupport'] as const;

export const registrationStatuses = {
  onboarding: 'In progress',
  onboarded: 'Complete',
  failed: 'Failed',
  offboarding: 'Deleting',
  offboarded: 'Deleted',
} as const;

/** In `tenantData`: who provisions the tenant. What the CLI registers it provisions itself, and no job does. */
export const provisionedBy = { attribute: 'provisionedBy', cli: 'cli' } as const;

/** What an outcome changes of a registration: each part is merged, attribute by attribute. */
export interface JobOutput {
  tenantData?: Record<string, unknown>;
  tenantRegistrationData?: Record<string, unknown>;
}

/** The detail of an outcome's event. */
export interface OutcomeDetail {
  tenantRegistrationId: string;
  jobOutput: JobOutput;
}

/** What is told of a failure; lands in the registration's data. */
export interface FailureReport {
  registrationStatus: string;
  failureReason: string;
  /** Where the log is, when the job has one. */
  failureLog?: string;
}

/** What a tenant's sign-in page needs to know; public. */
export interface TenantConfig {
  apiGatewayUrl: string;
  userPoolId: string;
  appClientId: string;
  issuer: string;
}

/** JSON value of the SSM parameter `control-plane`. */
export interface ControlPlaneOutputs {
  kind: ControlPlaneKind;
  /** Base URL of the REST API, without a trailing slash. */
  apiUrl: string;
  busName: string;
  /** The operators' user pool. */
  userPoolId: string;
  /** The domain's prefix: where tokens come from. */
  domain: string;
  /** The client by which programs get a token; its secret is asked of Cognito. */
  machineClientId: string;
  /** The client by which operators sign in. */
  userClientId: string;
}

/** Environment variables of the builtin control plane's function. */
export const controlPlaneEnvironment = {
  registryTable: 'REGISTRY_TABLE',
  busName: 'BUS_NAME',
  userPoolId: 'USER_POOL_ID',
  machineClientId: 'MACHINE_CLIENT_ID',
} as const;

/** Environment variable of a lifecycle job: the detail of the request's event, as JSON. */
export const jobRegistration = 'REGISTRATION';
/** Environment variable of a lifecycle job: where its log can be read. */
export const jobLog = 'REGISTRATION_LOG';

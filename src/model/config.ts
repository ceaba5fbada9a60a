import type { ControlPlaneKind } from './control-plane.ts';
import type { SecurityDeployment, SecuritySettings } from './security.ts';
import type { Service } from './service.ts';
import type { Tier } from './tier.ts';

export interface EmbeddedTarget {
  target: 'embedded';
}

export interface AwsTarget {
  target: 'aws';
  /** Twelve digits. */
  account: string;
  region: string;
  azs: number;
  nat: 'per-az' | 'single';
}

/** Where users come back to from hosted sign-in. */
export interface SignIn {
  callbackUrls: readonly string[];
  logoutUrls: readonly string[];
}

/** One environment of saas-ecs.yaml with its name. */
export type Environment = (EmbeddedTarget | AwsTarget) & {
  name: string;
  /** Prefix of the stacks' names, without its dash. */
  prefix?: string;
  /** Who is invited as the control plane's first administrator. */
  adminEmail?: string;
  controlPlane: ControlPlaneKind;
  /** User pools have no hosted sign-in when absent. */
  signIn?: SignIn;
  security: SecuritySettings;
};

/** saas-ecs.yaml, validated, defaults filled in, paths absolute. */
export interface Config {
  app: string;
  /** Directory that holds saas-ecs.yaml. */
  root: string;
  environments: readonly Environment[];
  tiers: readonly Tier[];
  services: readonly Service[];
  routing: 'direct' | 'proxy';
}

/** A statement of an IAM policy, with CloudFormation's `${AWS::…}` in its texts. */
export interface JobStatement {
  Effect: 'Allow';
  Action: string[];
  Resource: string[];
  Condition?: object;
}

export interface Job {
  /** Holds the program and a project file. */
  directory: string;
  policy: readonly JobStatement[];
}

/**
 * What the templates are synthesized from: the part of the configuration that shapes the infrastructure of one
 * environment. Everything in it is plain JSON.
 */
export interface Deployment {
  app: string;
  environment: string;
  prefix?: string;
  /** How many Availability Zones the network spans. */
  azs: number;
  nat: 'per-az' | 'single';
  tiers: readonly Tier[];
  services: readonly Service[];
  routing: 'direct' | 'proxy';
  controlPlane: ControlPlaneKind;
  adminEmail: string;
  signIn?: SignIn;
  security: SecurityDeployment;
  /** Whether packages of functions are installed into them, which takes Docker. */
  bundles: boolean;
  /** What carries registrations out; nothing does when absent. */
  job?: Job;
}

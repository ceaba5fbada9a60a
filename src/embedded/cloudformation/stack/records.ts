/** What is kept of stacks, on disk as in memory. Times are milliseconds since the epoch. */
import type {
  ChangeSetStatus,
  DeploymentConfig,
  ExecutionStatus,
  OnFailure,
  OnStackFailure,
  OperationType,
  ResourceChange,
  ResourceStatus,
  StackStatus,
  Tag,
} from '@aws-sdk/client-cloudformation';
import type { Properties } from '../../platform.ts';
import type { PropertyProblem } from '../schema/properties.ts';
import type { StackParameter } from '../template/parameters.ts';

export interface StackOutput {
  key: string;
  value: string;
  description?: string;
  exportName?: string;
}

/** What an update can go back to. */
export interface StackModel {
  /** Digest of the template's text. */
  template: string;
  description?: string;
  parameters: StackParameter[];
  tags: Tag[];
  outputs: StackOutput[];
  /** Names of the exports that the template imports. */
  imports: string[];
}

export interface StackRecord extends StackModel {
  id: string;
  name: string;
  status: StackStatus;
  reason?: string;
  capabilities: string[];
  notificationArns: string[];
  roleArn?: string;
  timeoutInMinutes?: number;
  disableRollback: boolean;
  terminationProtection: boolean;
  deploymentConfig?: DeploymentConfig;
  parentId?: string;
  rootId?: string;
  changeSetId?: string;
  createdAt: number;
  updatedAt?: number;
  deletedAt?: number;
  operation?: StackOperation;
  /** What a stack that stopped in UPDATE_FAILED can still go back to. */
  lastStable?: StackModel;
  lastOperations: { type: OperationType; id: string }[];
  /** Client request tokens of the last operations, newest last: a repeated call is the same call. */
  tokens: string[];
}

/**
 * The operation under way. Its `phase` is what a restarted process goes on with:
 * `deploy` creates and updates, `cleanup` deletes what an update left over, `rollback` goes back to `previous`,
 * `rollback-cleanup` deletes what the update had made, `undo` deletes what a failed creation made, `delete` all.
 */
export interface StackOperation {
  id: string;
  kind: 'create' | 'update' | 'delete' | 'rollback';
  phase: 'deploy' | 'cleanup' | 'rollback' | 'rollback-cleanup' | 'undo' | 'delete';
  token?: string;
  /** Failing stops there: nothing is rolled back. */
  disableRollback: boolean;
  onFailure?: OnFailure | OnStackFailure;
  retainExceptOnCreate: boolean;
  /** What an update goes back to. */
  previous?: StackModel;
  /** Logical ids that a deletion leaves alone. */
  retain?: string[];
  /** Logical ids that a continued rollback leaves as they are. */
  skip?: string[];
  startedAt: number;
}

/** One physical thing behind a logical id, with all that deleting it or going back to it needs. */
export interface Incarnation {
  type: string;
  physicalId?: string;
  attributes?: Record<string, unknown>;
  /** Resolved, as last handed to the handler. */
  properties: Properties;
  /** Random part of its generated physical name. */
  suffix: string;
  /** Generated names that the handler asked for: something of that name may exist. */
  generatedNames?: string[];
  needs: string[];
  deletionPolicy: string;
  updateReplacePolicy: string;
  metadata?: unknown;
}

export interface ResourceRecord extends Incarnation {
  stackId: string;
  logicalId: string;
  status: ResourceStatus;
  reason?: string;
  at: number;
  /** The operation that touched it last. */
  operationId: string;
  /** What has become of it since the stack was last stable. */
  change: 'created' | 'updated' | 'replaced' | 'unchanged';
  /** What it was when the stack was last stable. */
  before?: Incarnation;
  /** Superseded things, to be deleted in the cleanup of the update under way, whichever way it goes. */
  discards?: Incarnation[];
}

export interface EventRecord {
  id: string;
  at: number;
  operationId?: string;
  token?: string;
  logicalId: string;
  physicalId?: string;
  type: string;
  status: ResourceStatus | StackStatus;
  reason?: string;
}

export interface ChangeSetRecord {
  id: string;
  name: string;
  stackId: string;
  stackName: string;
  type: 'CREATE' | 'UPDATE';
  status: ChangeSetStatus;
  reason?: string;
  execution: ExecutionStatus;
  description?: string;
  createdAt: number;
  template: string;
  templateDescription?: string;
  parameters: StackParameter[];
  tags: Tag[];
  capabilities: string[];
  notificationArns: string[];
  roleArn?: string;
  includeNestedStacks: boolean;
  importExistingResources: boolean;
  onStackFailure?: OnStackFailure;
  deploymentConfig?: DeploymentConfig;
  token?: string;
  changes: ResourceChange[];
  /** Properties that would be refused, for DescribeEvents. */
  problems: (PropertyProblem & { logicalId: string; type: string })[];
}

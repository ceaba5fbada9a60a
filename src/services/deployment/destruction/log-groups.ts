import {
  CloudWatchLogsClient,
  DeleteLogGroupCommand,
  DescribeLogGroupsCommand,
  ListTagsForResourceCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import type { ClientOptions } from '../../environment.ts';
import type { Belonging, Kind } from './belongings.ts';
import type { Ownership } from './ownership.ts';
import { everyPage } from './pages.ts';

/** What CloudFormation says of a resource, as far as its log groups follow from it. */
interface Logger {
  ResourceType?: string | undefined;
  PhysicalResourceId?: string | undefined;
}

export class LogGroups implements Kind {
  readonly kind = 'log group';
  readonly #client: CloudWatchLogsClient;

  constructor(options: ClientOptions) {
    this.#client = new CloudWatchLogsClient(options);
  }

  async find({ has, beginnings }: Ownership): Promise<Belonging[]> {
    const found = new Map<string, Belonging>();
    for (const beginning of ['/saas-ecs/', ...beginnings])
      for (const { name, arn } of await this.#beginningWith(beginning)) {
        const { tags } = await this.#client.send(new ListTagsForResourceCommand({ resourceArn: arn }));
        if (has(tags)) found.set(name, { kind: this.kind, id: name, name });
      }
    return [...found.values()];
  }

  async remove({ id }: Pick<Belonging, 'id'>): Promise<void> {
    try {
      await this.#client.send(new DeleteLogGroupCommand({ logGroupName: id }));
    } catch (error) {
      if (!(error instanceof Error && error.name === 'ResourceNotFoundException')) throw error;
    }
  }

  /**
   * Deletes the groups that AWS's services make by themselves for resources of a stack, untagged and kept for good.
   * Their names hold the resource's id, so they are nobody else's.
   */
  async removeMadeFor(loggers: readonly Logger[]): Promise<void> {
    for (const { ResourceType, PhysicalResourceId: id } of loggers) {
      const name = id ? madeFor[ResourceType ?? '']?.(id) : undefined;
      if (name === undefined) continue;
      for (const group of await this.#beginningWith(name))
        if (group.name === name || group.name.startsWith(`${name}/`)) await this.remove({ id: group.name });
    }
  }

  async #beginningWith(prefix: string): Promise<{ name: string; arn: string }[]> {
    const groups = await everyPage(async (next) => {
      const page = await this.#client.send(
        new DescribeLogGroupsCommand({ logGroupNamePrefix: prefix, ...(next && { nextToken: next }) }),
      );
      return { items: page.logGroups, next: page.nextToken };
    });
    // The older form of a group's ARN ends with `:*`, which the calls about tags don't take.
    return groups.map(({ logGroupName = '', logGroupArn, arn = '' }) => ({
      name: logGroupName,
      arn: logGroupArn ?? arn.replace(/:\*$/, ''),
    }));
  }
}

/** Lambda, API Gateway (its execution log, a group a stage) and CodeBuild name their groups so. */
const madeFor: Record<string, (id: string) => string> = {
  'AWS::Lambda::Function': (id) => `/aws/lambda/${id}`,
  'AWS::ApiGateway::RestApi': (id) => `API-Gateway-Execution-Logs_${id}`,
  'AWS::CodeBuild::Project': (id) => `/aws/codebuild/${id}`,
};

import {
  CloudFormationClient,
  DescribeStackEventsCommand,
  type StackEvent,
} from '@aws-sdk/client-cloudformation';
import type { ClientOptions } from './environment.ts';

/** The events of a stack that somebody else works on, as they come. */
export class StackFeed {
  readonly #client: CloudFormationClient;
  readonly #stack: string;
  readonly #seen = new Set<string>();

  constructor(options: ClientOptions, stack: string) {
    this.#client = new CloudFormationClient(options);
    this.#stack = stack;
  }

  /** What came since the last call, oldest first; none while there is no such stack. `since`: ISO 8601. */
  async next(since: string): Promise<StackEvent[]> {
    try {
      // The newest hundred: more don't come between two calls.
      const { StackEvents = [] } = await this.#client.send(
        new DescribeStackEventsCommand({ StackName: this.#stack }),
      );
      const news = StackEvents.filter(
        ({ EventId = '', Timestamp }) =>
          !this.#seen.has(EventId) && (Timestamp?.getTime() ?? 0) >= Date.parse(since),
      );
      for (const { EventId = '' } of news) this.#seen.add(EventId);
      return news.reverse();
    } catch (error) {
      if (error instanceof Error && error.name === 'ValidationError') return [];
      throw error;
    }
  }
}

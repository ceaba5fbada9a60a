import {
  CognitoIdentityProviderClient,
  DescribeUserPoolCommand,
  ListUserPoolsCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import type { ClientOptions } from '../../environment.ts';
import { Identity } from '../../identity.ts';
import type { Belonging, Kind } from './belongings.ts';
import { type Ownership, tagOf, tenantTag } from './ownership.ts';
import { everyPage } from './pages.ts';

export class UserPools implements Kind {
  readonly kind = 'user pool';
  readonly #client: CognitoIdentityProviderClient;
  readonly #identity: Identity;

  constructor(options: ClientOptions) {
    this.#client = new CognitoIdentityProviderClient(options);
    this.#identity = new Identity(options);
  }

  async find({ has, beginnings }: Ownership): Promise<Belonging[]> {
    const pools = await everyPage(async (next) => {
      const page = await this.#client.send(
        new ListUserPoolsCommand({ MaxResults: 60, ...(next && { NextToken: next }) }),
      );
      return { items: page.UserPools, next: page.NextToken };
    });
    const found: Belonging[] = [];
    for (const { Id: id = '', Name: name = '' } of pools) {
      // A pool has the name of its stack.
      if (!beginnings.some((beginning) => name.startsWith(beginning))) continue;
      const { UserPool } = await this.#client
        .send(new DescribeUserPoolCommand({ UserPoolId: id }))
        .catch((error: unknown) => {
          if (error instanceof Error && error.name === 'ResourceNotFoundException')
            return { UserPool: undefined };
          throw error;
        });
      const tags = UserPool?.UserPoolTags;
      if (!UserPool || !has(tags)) continue;
      const tenantId = tagOf(tags, tenantTag);
      found.push({
        kind: this.kind,
        id,
        name: `${id} of ${name}`,
        size: `about ${UserPool.EstimatedNumberOfUsers ?? 0} users`,
        ...(tenantId !== undefined && { tenantId }),
      });
    }
    return found;
  }

  async remove({ id }: Pick<Belonging, 'id'>): Promise<void> {
    await this.#identity.deletePool(id);
  }
}

/** Which images of a repository that many apps share go with one of them. */
import { DeleteParameterCommand, PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findImages, removeImages } from '../../src/services/deployment/destruction/images.ts';
import type { ClientOptions, Target } from '../../src/services/environment.ts';
import { credentials, type Fixture, region, startFixture, webImage } from '../embedded/ecs-fixture.ts';

let fixture: Fixture;
let client: ClientOptions;
let ssm: SSMClient;
let target: Target;
beforeAll(async () => {
  fixture = await startFixture();
  client = { region, endpoint: fixture.cloud.endpoint, credentials };
  ssm = new SSMClient(client);
  target = { app: 'shop', environment: { name: 'prod' }, client } as unknown as Target;
});
afterAll(() => fixture.close());

const publish = (Name: string, value: unknown) =>
  ssm.send(
    new PutParameterCommand({
      Name,
      Type: 'String',
      Value: typeof value === 'string' ? value : JSON.stringify(value),
      Overwrite: true,
    }),
  );

it('an image goes when nobody else runs it, and is left alone as long as somebody does or may', async () => {
  const uri = await fixture.image('web', webImage());
  const elsewhere = 'docker.io/library/nginx:1';
  await publish('/saas-ecs/shop/prod/images', { orders: uri, proxy: elsewhere });
  const image = expect.stringMatching(new RegExp(`^${uri.split(':')[0]}@sha256:[0-9a-f]{64}$`));
  const mine = { going: [image], shared: [] };
  const shared = { going: [], shared: [image] };
  expect(await findImages({ target }, [])).toEqual(mine);

  await publish('/saas-ecs/shop/staging/images', { orders: uri });
  expect(await findImages({ target }, [])).toEqual(shared);
  await ssm.send(new DeleteParameterCommand({ Name: '/saas-ecs/shop/staging/images' }));

  // What another app's tenants run is in its registry; one that can't be read may have anything.
  await publish('/saas-ecs/other/prod/registry-table', 'not-to-be-read');
  expect(await findImages({ target }, [])).toEqual(shared);
  await ssm.send(new DeleteParameterCommand({ Name: '/saas-ecs/other/prod/registry-table' }));

  // A release names it by its digest, and it is the same image.
  const { going } = await findImages({ target }, []);
  await publish('/saas-ecs/shop/prod/images', { orders: uri, again: going[0], proxy: elsewhere });
  await publish('/saas-ecs/shop/staging/images', { orders: going[0] });
  expect(await findImages({ target }, [])).toEqual(shared);
  await ssm.send(new DeleteParameterCommand({ Name: '/saas-ecs/shop/staging/images' }));

  expect(await findImages({ target }, [])).toEqual(mine);
  await removeImages(client, [...going, elsewhere]);
  expect(await findImages({ target }, [])).toEqual({ going: [], shared: [] });
  // As a run finds it that was killed in between.
  await removeImages(client, [uri]);
});

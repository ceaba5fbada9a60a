/** The gatekeeper, as a function of an embedded cloud whose environment no template made. */
import { readFile } from 'node:fs/promises';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { CreateFunctionCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { gatekeeperEnvironment } from '../../src/model/gatekeeper.ts';
import { ownerTags } from '../../src/model/names.ts';
import { zipArchive } from '../embedded/zip-archive.ts';
import { bundle, removeBundles } from '../images/running-image.ts';
import type { Fixture } from './registry-fixture.ts';

let archive: Promise<Buffer> | undefined;

/** The function's own bundle, made once. */
async function build(): Promise<Buffer> {
  try {
    const content = await readFile(await bundle('functions', 'gatekeeper'), 'utf8');
    return zipArchive([{ name: 'index.mjs', content }]);
  } finally {
    removeBundles();
  }
}

/** Gives the function's ARN. It asks the root of a tenant's API. */
export async function createGatekeeper(
  { options, tableName }: Pick<Fixture, 'options' | 'tableName'>,
  apiKeySecretArn: string,
): Promise<string> {
  archive ??= build();
  const iam = new IAMClient(options);
  const statement = { Effect: 'Allow', Action: '*', Resource: '*' };
  const trust = {
    Effect: 'Allow',
    Principal: { Service: 'lambda.amazonaws.com' },
    Action: 'sts:AssumeRole',
  };
  const document = (of: object): string => JSON.stringify({ Version: '2012-10-17', Statement: [of] });
  const { Role } = await iam.send(
    new CreateRoleCommand({ RoleName: 'gatekeeper', AssumeRolePolicyDocument: document(trust) }),
  );
  await iam.send(
    new PutRolePolicyCommand({
      ...{ RoleName: 'gatekeeper', PolicyName: 'all' },
      PolicyDocument: document(statement),
    }),
  );
  const { FunctionArn = '' } = await new LambdaClient(options).send(
    new CreateFunctionCommand({
      FunctionName: 'gatekeeper',
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Role: Role?.Arn,
      Timeout: 120,
      MemorySize: 512,
      Code: { ZipFile: await archive },
      Environment: {
        Variables: {
          [gatekeeperEnvironment.registryTable]: tableName,
          [gatekeeperEnvironment.apiKeySecretArn]: apiKeySecretArn,
          [gatekeeperEnvironment.probedPath]: '/',
          [gatekeeperEnvironment.ownerTags]: JSON.stringify(ownerTags('shop', 'local')),
        },
      },
    }),
  );
  return FunctionArn;
}

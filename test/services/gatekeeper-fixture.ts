/** The gatekeeper, as a function of an embedded cloud whose environment no template made. */
import { readFile } from 'node:fs/promises';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { CreateFunctionCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { gatekeeperEnvironment } from '../../src/model/gatekeeper.ts';
import { ownerTags } from '../../src/model/names.ts';
import type { ClientOptions } from '../../src/services/environment.ts';
import { zipArchive } from '../embedded/zip-archive.ts';
import { bundle, removeBundles } from '../images/running-image.ts';
import type { Fixture } from './registry-fixture.ts';

let program: Promise<string> | undefined;

/** The function's own bundle, made once. */
async function build(): Promise<string> {
  try {
    return await readFile(await bundle('functions', 'gatekeeper'), 'utf8');
  } finally {
    removeBundles();
  }
}

/** Gives the function's ARN. It asks the root of a tenant's API. */
export async function createGatekeeper(
  { options, tableName }: Pick<Fixture, 'options' | 'tableName'>,
  apiKeySecretArn: string,
): Promise<string> {
  program ??= build();
  return createFunction(options, 'gatekeeper', await program, {
    [gatekeeperEnvironment.registryTable]: tableName,
    [gatekeeperEnvironment.apiKeySecretArn]: apiKeySecretArn,
    [gatekeeperEnvironment.probedPath]: '/',
    [gatekeeperEnvironment.ownerTags]: JSON.stringify(ownerTags('shop', 'local')),
  });
}

/** A function of one module, which may do everything; gives its ARN. */
export async function createFunction(
  options: ClientOptions,
  name: string,
  content: string,
  Variables: Record<string, string> = {},
): Promise<string> {
  const iam = new IAMClient(options);
  const statement = { Effect: 'Allow', Action: '*', Resource: '*' };
  const trust = {
    Effect: 'Allow',
    Principal: { Service: 'lambda.amazonaws.com' },
    Action: 'sts:AssumeRole',
  };
  const document = (of: object): string => JSON.stringify({ Version: '2012-10-17', Statement: [of] });
  const { Role } = await iam.send(
    new CreateRoleCommand({ RoleName: name, AssumeRolePolicyDocument: document(trust) }),
  );
  await iam.send(
    new PutRolePolicyCommand({
      ...{ RoleName: name, PolicyName: 'all' },
      PolicyDocument: document(statement),
    }),
  );
  const { FunctionArn = '' } = await new LambdaClient(options).send(
    new CreateFunctionCommand({
      FunctionName: name,
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Role: Role?.Arn,
      Timeout: 120,
      MemorySize: 512,
      Code: { ZipFile: zipArchive([{ name: 'index.mjs', content }]) },
      Environment: { Variables },
    }),
  );
  return FunctionArn;
}

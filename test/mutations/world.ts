/** A deployed environment with probes on each tier, and the ways to change one thing in it through AWS's APIs. */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import {
  APIGatewayClient,
  CreateDeploymentCommand,
  GetExportCommand,
  GetStageCommand,
  PutRestApiCommand,
  UpdateStageCommand,
} from '@aws-sdk/client-api-gateway';
import {
  CognitoIdentityProviderClient,
  DescribeUserPoolClientCommand,
  DescribeUserPoolCommand,
  UpdateUserPoolClientCommand,
  type UpdateUserPoolClientCommandInput,
  UpdateUserPoolCommand,
  type UpdateUserPoolCommandInput,
} from '@aws-sdk/client-cognito-identity-provider';
import { ECRClient, GetAuthorizationTokenCommand } from '@aws-sdk/client-ecr';
import {
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
  type RegisterTaskDefinitionCommandInput,
  UpdateServiceCommand,
  waitUntilServicesStable,
} from '@aws-sdk/client-ecs';
import {
  DeleteRolePermissionsBoundaryCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  IAMClient,
  ListRolePoliciesCommand,
  PutRolePermissionsBoundaryCommand,
  PutRolePolicyCommand,
  UpdateAssumeRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { LambdaClient, UpdateFunctionCodeCommand } from '@aws-sdk/client-lambda';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { build, type Plugin } from 'esbuild';
import { built, packageRoot } from '../../src/model/installation.ts';
import { parameterPath, type SharedParameter } from '../../src/model/names.ts';
import type { TierModel } from '../../src/model/tier.ts';
import { loadConfig } from '../../src/services/config/load.ts';
import type { Context } from '../../src/services/context.ts';
import { resolveEnvironment } from '../../src/services/environment.ts';
import { openSession, type Session } from '../../src/services/session.ts';
import type { Attack, AttackClass, AttackResult } from '../../src/services/verify/attack.ts';
import { attacks } from '../../src/services/verify/attacks/index.ts';
import { attackAll, estateOf, scenesOf, whyNot } from '../../src/services/verify/campaign.ts';
import type { ControlName } from '../../src/services/verify/controls.ts';
import { enter, type Subject } from '../../src/services/verify/estate.ts';
import { taskFacts } from '../../src/services/verify/inside/run.ts';
import { makeProbes, probeNames } from '../../src/services/verify/probes.ts';
import type { Planned } from '../../src/services/verify/runner.ts';
import { VerifyUsers } from '../../src/services/verify/users.ts';
import { zipArchive } from '../embedded/zip-archive.ts';
import { newProject, type Project } from '../integration/project.ts';

/** Puts things back as they were. */
export type Restore = () => Promise<unknown>;
type Document = { Version: string; Statement: Record<string, unknown>[] };
/** A change of a source file: text that must be there, and what takes its place. */
export type Edit = readonly [file: string, from: string, to: string];

const run = promisify(execFile);
const source = (...segments: string[]): string => path.join(packageRoot(), 'src', 'templates', ...segments);

export class World {
  readonly project: Project;
  readonly context: Context;
  readonly session: Session;
  readonly scenes: Planned['scene'][];
  readonly #options: Context['target']['client'];

  private constructor(project: Project, context: Context, session: Session, scenes: Planned['scene'][]) {
    this.project = project;
    this.context = context;
    this.session = session;
    this.scenes = scenes;
    this.#options = context.target.client;
  }

  static async make(): Promise<World> {
    const project = await newProject();
    try {
      await project.json('deploy-shared');
      const config = await loadConfig({ cwd: project.directory });
      const target = await resolveEnvironment(config);
      const { signal } = new AbortController();
      const context: Context = { config, target, watch: () => {}, signal, now: () => new Date() };
      const session = await openSession(context);
      const users = new VerifyUsers(target.client);
      const named = probeNames(config.tiers);
      await makeProbes(
        context,
        named.flatMap(({ tier, a, b }) => [a, b].map((name) => ({ tier, name }))),
        () => {},
      );
      const subject = async (name: string): Promise<Subject> =>
        enter(context, session, users, await session.registry.findTenant(name), 'probe');
      const pairs: [Subject, Subject][] = [];
      for (const { a, b } of named) pairs.push([await subject(a), await subject(b)]);
      const estate = estateOf(context, session, users);
      return new World(
        project,
        context,
        session,
        scenesOf(pairs).map((scene) => ({ ...scene, estate })),
      );
    } catch (error) {
      await project.remove();
      throw error;
    }
  }

  scene(model: TierModel): Planned['scene'] {
    const found = this.scenes.find(({ attacker }) => attacker.model === model);
    if (!found) throw new Error(`no tier has the model ${model}`);
    return found;
  }

  /** Makes all attacks that rely on a control, or those of these names, as an attacker of each model. */
  async attack(
    relyOn: ControlName,
    options: { models?: readonly TierModel[] | undefined; attacks?: readonly string[] | undefined } = {},
  ): Promise<AttackResult[]> {
    const planned = this.scenes
      .filter(({ attacker }) => options.models?.includes(attacker.model) ?? true)
      .flatMap((scene) =>
        this.#planned(scene, (attack) => {
          const control =
            typeof attack.control === 'function' ? attack.control(scene.attacker.model) : attack.control;
          return control === relyOn && (options.attacks?.includes(attack.name) ?? true);
        }),
      );
    return attackAll(this.context, planned);
  }

  /** All attacks that end nobody. */
  everything(): Promise<AttackResult[]> {
    return attackAll(
      this.context,
      this.scenes.flatMap((scene) => this.#planned(scene, () => true)),
    );
  }

  #planned(scene: Planned['scene'], wanted: (attack: Attack) => boolean): Planned[] {
    return (Object.entries(attacks) as [AttackClass, readonly Attack[]][]).flatMap(([each, list]) =>
      list
        .filter((attack) => attack.name !== 'token-of-offboarded-tenant')
        .filter((attack) => whyNot(attack, scene) === undefined && wanted(attack))
        .map((attack) => ({ attack, class: each, scene })),
    );
  }

  /** What a shared stack has written down. */
  async shared(name: SharedParameter): Promise<string> {
    const { app, environment } = this.context.target;
    const Name = parameterPath(app, environment.name, name);
    const { Parameter } = await new SSMClient(this.#options).send(new GetParameterCommand({ Name }));
    return Parameter?.Value ?? '';
  }

  /** Deploys the authorizer with these changes in its source. */
  async authorizer(...edits: Edit[]): Promise<Restore> {
    return this.functionCode(await this.shared('authorizerArn'), 'authorizer', ...edits);
  }

  /** Deploys a function of ours with these changes in its source. */
  async functionCode(
    FunctionName: string,
    which: 'authorizer' | 'control-plane',
    ...edits: Edit[]
  ): Promise<Restore> {
    const lambda = new LambdaClient(this.#options);
    const deploy = (code: string) =>
      lambda.send(
        new UpdateFunctionCodeCommand({
          FunctionName,
          ZipFile: zipArchive([{ name: 'index.mjs', content: code }]),
        }),
      );
    await deploy(await bundle(source('functions', which, 'index.ts'), edits));
    return async () => deploy(await readFile(built('templates', 'functions', which, 'index.mjs'), 'utf8'));
  }

  /** Deploys an image with these changes in its source for one service of a tenant, or of the pool. */
  async service(subject: Subject, image: 'order' | 'product' | 'user', ...edits: Edit[]): Promise<Restore> {
    const service = this.context.config.services.find((each) => each.image === `builtin:${image}`);
    if (!service) throw new Error(`the configuration has no ${image} service`);
    const ecs = new ECSClient(this.#options);
    const before = await taskFacts(this.context, subject, service);
    const { cluster } = subject;
    const name = subject.services[service.name] ?? service.name;
    const roll = async (taskDefinition: string): Promise<void> => {
      await ecs.send(new UpdateServiceCommand({ cluster, service: name, taskDefinition }));
      await waitUntilServicesStable(
        { client: ecs, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
        { cluster, services: [name] },
      );
      // Stable is said while the old task still drains.
      const { services } = await ecs.send(new DescribeServicesCommand({ cluster, services: [name] }));
      if (services?.[0]?.taskDefinition !== taskDefinition) throw new Error(`${name} was rolled back`);
    };
    const uri = await this.#image(image, before.container.image ?? '', edits);
    const { taskDefinition: known } = await ecs.send(
      new DescribeTaskDefinitionCommand({ taskDefinition: before.taskDefinition }),
    );
    const { taskDefinition: changed } = await ecs.send(
      new RegisterTaskDefinitionCommand({
        ...(known as RegisterTaskDefinitionCommandInput),
        containerDefinitions: known?.containerDefinitions?.map((container) => ({ ...container, image: uri })),
      }),
    );
    await roll(changed?.taskDefinitionArn ?? '');
    return () => roll(before.taskDefinition);
  }

  /** Builds and pushes a variant beside the image that is deployed; gives its URI. */
  async #image(image: string, deployed: string, edits: readonly Edit[]): Promise<string> {
    const directory = await mkdtemp(path.join(tmpdir(), 'saas-ecs-variant-'));
    try {
      await cp(built('templates', 'images', image), directory, { recursive: true });
      await writeFile(
        path.join(directory, 'index.mjs'),
        await bundle(source('images', image, 'index.ts'), edits),
      );
      const repository = deployed.replace(/[:@][^/]*$/, '');
      const uri = `${repository}:variant-${image}-${path.basename(directory).slice(-6).toLowerCase()}`;
      const { authorizationData } = await new ECRClient(this.#options).send(
        new GetAuthorizationTokenCommand({}),
      );
      const [user, password = ''] = Buffer.from(authorizationData?.[0]?.authorizationToken ?? '', 'base64')
        .toString()
        .split(/:(.*)/s);
      const env = { ...process.env, ...this.context.target.processEnvironment };
      const docker = (...args: string[]) =>
        run(process.execPath, [path.join(packageRoot(), 'bin', 'embedded-docker'), ...args], { env });
      await docker('build', '--tag', uri, directory);
      await docker('login', '--username', user ?? '', '--password', password, repository.split('/')[0] ?? '');
      await docker('push', uri);
      return uri;
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }

  /** Deploys the API of the first cell with a changed document. */
  async api(change: (document: ApiDocument) => void): Promise<Restore> {
    const gateway = new APIGatewayClient(this.#options);
    const { restApiId, stage: stageName } = this.session.shared.cell;
    const { deploymentId } = await gateway.send(new GetStageCommand({ restApiId, stageName }));
    const exported = await gateway.send(
      new GetExportCommand({
        restApiId,
        stageName,
        exportType: 'oas30',
        parameters: { extensions: 'apigateway' },
      }),
    );
    const document = JSON.parse(Buffer.from(exported.body ?? []).toString()) as ApiDocument;
    document['x-amazon-apigateway-api-key-source'] = 'AUTHORIZER';
    change(document);
    await gateway.send(
      new PutRestApiCommand({ restApiId, mode: 'overwrite', body: Buffer.from(JSON.stringify(document)) }),
    );
    await gateway.send(new CreateDeploymentCommand({ restApiId, stageName }));
    return () =>
      gateway.send(
        new UpdateStageCommand({
          restApiId,
          stageName,
          patchOperations: [{ op: 'replace', path: '/deploymentId', value: deploymentId ?? '' }],
        }),
      );
  }

  /** The task role of a tenant's services, by what they need; the pool's are those of its tenants. */
  async roleOf(
    subject: Subject,
    access: 'data' | 'identity',
  ): Promise<{ name: string; arn: string; tenantRole: string }> {
    const service = this.context.config.services.find((each) => each.access === access);
    if (!service) throw new Error(`no service has access: ${access}`);
    const { taskRoleArn = '', environment } = await taskFacts(this.context, subject, service);
    return {
      name: nameOf(taskRoleArn),
      arn: taskRoleArn,
      tenantRole: nameOf(environment['TENANT_ROLE_ARN'] ?? ''),
    };
  }

  /** Changes a role's inline policies, each one; `add` is a policy more. */
  async withoutBoundary(RoleName: string): Promise<Restore> {
    const iam = new IAMClient(this.#options);
    const { Role } = await iam.send(new GetRoleCommand({ RoleName }));
    const PermissionsBoundary = Role?.PermissionsBoundary?.PermissionsBoundaryArn;
    if (PermissionsBoundary === undefined) throw new Error(`${RoleName} has no boundary`);
    await iam.send(new DeleteRolePermissionsBoundaryCommand({ RoleName }));
    return async () => {
      await iam.send(new PutRolePermissionsBoundaryCommand({ RoleName, PermissionsBoundary }));
    };
  }

  async rolePolicy(
    RoleName: string,
    change: (statement: Record<string, unknown>) => void,
    add?: Record<string, unknown>,
  ): Promise<Restore> {
    const iam = new IAMClient(this.#options);
    const { PolicyNames = [] } = await iam.send(new ListRolePoliciesCommand({ RoleName }));
    const before: { PolicyName: string; PolicyDocument: string }[] = [];
    for (const PolicyName of PolicyNames) {
      const { PolicyDocument = '{}' } = await iam.send(new GetRolePolicyCommand({ RoleName, PolicyName }));
      const text = decodeURIComponent(PolicyDocument);
      before.push({ PolicyName, PolicyDocument: text });
      const document = JSON.parse(text) as Document;
      for (const statement of document.Statement) change(statement);
      await iam.send(
        new PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument: JSON.stringify(document) }),
      );
    }
    const put = (PolicyName: string, statement: Record<string, unknown>) =>
      iam.send(
        new PutRolePolicyCommand({
          RoleName,
          PolicyName,
          PolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement: [statement] }),
        }),
      );
    if (add) await put('mutation', { Effect: 'Allow', ...add });
    return async () => {
      for (const policy of before) await iam.send(new PutRolePolicyCommand({ RoleName, ...policy }));
      // What allows nothing is as good as none.
      if (add) await put('mutation', { Effect: 'Deny', Action: 'iam:DeleteAccountAlias', Resource: '*' });
    };
  }

  async roleTrust(RoleName: string, change: (statement: Record<string, unknown>) => void): Promise<Restore> {
    const iam = new IAMClient(this.#options);
    const { Role } = await iam.send(new GetRoleCommand({ RoleName }));
    const text = decodeURIComponent(Role?.AssumeRolePolicyDocument ?? '{}');
    const document = JSON.parse(text) as Document;
    for (const statement of document.Statement) change(statement);
    const put = (PolicyDocument: string) =>
      iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument }));
    await put(JSON.stringify(document));
    return () => put(text);
  }

  async userPoolClient(
    subject: Subject,
    changes: Partial<UpdateUserPoolClientCommandInput>,
  ): Promise<Restore> {
    const cognito = new CognitoIdentityProviderClient(this.#options);
    const ids = { UserPoolId: subject.pool.userPoolId, ClientId: subject.pool.clientId };
    const { UserPoolClient: before } = await cognito.send(new DescribeUserPoolClientCommand(ids));
    const update = (more: object) =>
      cognito.send(
        new UpdateUserPoolClientCommand({ ...before, ...ids, ...more } as UpdateUserPoolClientCommandInput),
      );
    await update(changes);
    return () => update({});
  }

  async userPool(subject: Subject, changes: Partial<UpdateUserPoolCommandInput>): Promise<Restore> {
    const cognito = new CognitoIdentityProviderClient(this.#options);
    const { userPoolId: UserPoolId } = subject.pool;
    const { UserPool: before } = await cognito.send(new DescribeUserPoolCommand({ UserPoolId }));
    const update = (more: object) =>
      cognito.send(
        new UpdateUserPoolCommand({
          UserPoolId,
          Policies: before?.Policies,
          AutoVerifiedAttributes: before?.AutoVerifiedAttributes,
          MfaConfiguration: before?.MfaConfiguration,
          AdminCreateUserConfig: before?.AdminCreateUserConfig,
          AccountRecoverySetting: before?.AccountRecoverySetting,
          UserAttributeUpdateSettings: before?.UserAttributeUpdateSettings,
          ...more,
        }),
      );
    await update(changes);
    return () => update({});
  }
}

export interface ApiDocument {
  paths: Record<string, Record<string, ApiOperation>>;
  'x-amazon-apigateway-api-key-source'?: string;
}
export interface ApiOperation {
  parameters?: object[];
  responses?: object;
  security?: Record<string, string[]>[];
  'x-amazon-apigateway-integration'?: { requestParameters?: Record<string, string> } & Record<
    string,
    unknown
  >;
}

const nameOf = (arn: string): string => arn.split('/').at(-1) ?? '';

/** Bundles an entry with changes in its source, each of which must apply. */
async function bundle(entry: string, edits: readonly Edit[]): Promise<string> {
  const pending = new Set(edits);
  const plugin: Plugin = {
    name: 'mutation',
    setup(setup) {
      setup.onLoad({ filter: /\.ts$/ }, async ({ path: file }) => {
        const mine = edits.filter(([which]) => file.endsWith(which));
        if (mine.length === 0) return undefined;
        let contents = await readFile(file, 'utf8');
        for (const edit of mine) {
          if (!contents.includes(edit[1])) throw new Error(`${edit[0]} has no such text: ${edit[1]}`);
          contents = contents.replace(edit[1], () => edit[2]);
          pending.delete(edit);
        }
        return { contents, loader: 'ts' };
      });
    },
  };
  const result = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node20.19',
    format: 'esm',
    mainFields: ['module', 'main'],
    logLevel: 'error',
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module';\nconst require = __createRequire(import.meta.url);",
    },
    plugins: [plugin],
  });
  if (pending.size > 0)
    throw new Error(`not part of the bundle: ${[...pending].map(([file]) => file).join(', ')}`);
  return result.outputFiles[0]?.text ?? '';
}

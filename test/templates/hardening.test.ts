/** Both control planes and the jobs behind them: what is open, what stays, who may do what. */
import type { Template } from 'aws-cdk-lib/assertions';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ControlPlaneKind } from '../../src/model/control-plane.ts';
import { deployment, only, type Resource, resources, templates } from './synthesized.ts';

interface Statement {
  Effect: string;
  Action: string | string[];
  Resource?: unknown;
}

/** Every statement of every policy of a role, by the resource that holds it. */
function statements(template: Template): [string, Statement][] {
  const documents = (resource: Resource): { Statement: Statement[] }[] => {
    const { PolicyDocument, Policies = [] } = resource.Properties;
    return [PolicyDocument, ...Policies.map((policy: { PolicyDocument: object }) => policy.PolicyDocument)];
  };
  return ['AWS::IAM::Role', 'AWS::IAM::Policy', 'AWS::IAM::ManagedPolicy']
    .flatMap((type) => resources(template, type))
    .flatMap(([id, resource]) =>
      documents(resource)
        .filter(Boolean)
        .flatMap(({ Statement }) => Statement.map((statement): [string, Statement] => [id, statement])),
    );
}

/** Actions of AWS that know no resource, or none that exists before they are called. */
const withoutResource =
  /^(xray:|elasticloadbalancing:DescribeTargetHealth$|logs:(CreateLogDelivery|GetLogDelivery|UpdateLogDelivery|DeleteLogDelivery|ListLogDeliveries|PutResourcePolicy|DescribeResourcePolicies|DescribeLogGroups)$|ecs:(DescribeServices|DescribeTasks|ListTasks|DescribeTaskDefinition)$)/;

describe.each<ControlPlaneKind>(['builtin', 'sbt'])('the control plane %s', (controlPlane) => {
  let control: Template;
  let core: Template;
  beforeAll(async () => {
    const get = await templates(deployment({ controlPlane }));
    control = get('controlplane-stack');
    core = get('coreappplane-stack');
  });

  it('lets nobody do everything, nor one thing everywhere that could be narrower', () => {
    const all = [...statements(control), ...statements(core)].filter(([, { Effect }]) => Effect === 'Allow');
    expect(all.length).toBeGreaterThan(10);
    for (const [id, { Action, Resource }] of all)
      for (const action of [Action].flat()) {
        expect(action, id).not.toMatch(/^\*$|:\*$/);
        if ([Resource].flat().includes('*')) expect(action, id).toMatch(withoutResource);
      }
    // None of AWS's own policies, which are wide and change without us.
    for (const template of [control, core])
      for (const [id, { Properties }] of resources(template, 'AWS::IAM::Role'))
        expect(Properties['ManagedPolicyArns'], id).toBeUndefined();
  });

  it('keeps the jobs from making operators', () => {
    const denied = statements(core).filter(([, { Effect }]) => Effect === 'Deny');
    expect(denied).toMatchObject([[expect.stringContaining('JobRole'), { Action: 'cognito-idp:*' }]]);
    expect(JSON.stringify(denied)).toContain('"OperatorPool"');
  });

  it('opens each route to a token of its scope, and none but the configuration to everybody', () => {
    const open: string[] = [];
    for (const [, { Properties }] of resources(control, 'AWS::ApiGatewayV2::Route')) {
      const { RouteKey, AuthorizationType, AuthorizationScopes } = Properties;
      if (AuthorizationType === 'JWT') {
        const scope = JSON.stringify(AuthorizationScopes);
        const writes = !RouteKey.startsWith('GET ');
        expect(scope, RouteKey).toContain(writes ? '_write"' : '_read"');
        expect(scope, RouteKey).toContain(RouteKey.includes('/users') ? '/user_' : 'tenant/tenant_');
      } else if (AuthorizationType !== 'AWS_IAM') open.push(RouteKey);
    }
    expect(open.sort()).toEqual(['GET /tenant-config', 'GET /tenant-config/{tenantName}']);
    const { RouteSettings, DefaultRouteSettings } = only(control, 'AWS::ApiGatewayV2::Stage').Properties;
    for (const route of open)
      expect(RouteSettings[route].ThrottlingRateLimit).toBeLessThan(DefaultRouteSettings.ThrottlingRateLimit);
  });

  it('keeps its data, with a way back in time', () => {
    const tables = resources(control, 'AWS::DynamoDB::Table');
    expect(tables.length).toBe(controlPlane === 'sbt' ? 3 : 1);
    for (const [id, table] of [...tables, ...resources(control, 'AWS::Cognito::UserPool')]) {
      expect(table['DeletionPolicy'], id).toBe('RetainExceptOnCreate');
      expect(table['UpdateReplacePolicy'], id).toBe('Retain');
    }
    for (const [id, { Properties }] of tables) {
      expect(Properties['PointInTimeRecoverySpecification'], id).toEqual({
        PointInTimeRecoveryEnabled: true,
      });
      expect(Properties['BillingMode'], id).toBe('PAY_PER_REQUEST');
    }
  });

  it('keeps its logs for a while and not for ever', () => {
    for (const template of [control, core]) {
      for (const [id, { Properties }] of resources(template, 'AWS::Logs::LogGroup'))
        expect(Properties['RetentionInDays'], id).toBe(30);
      for (const [id, { Properties }] of resources(template, 'AWS::Lambda::Function'))
        expect(Properties['LoggingConfig']?.LogGroup, id).toBeDefined();
    }
  });

  it('has operators who are invited, may have a second factor, and can not give themselves a role', () => {
    expect(only(control, 'AWS::Cognito::UserPool').Properties).toMatchObject({
      AdminCreateUserConfig: { AllowAdminCreateUserOnly: true },
      MfaConfiguration: 'OPTIONAL',
      EnabledMfas: ['SOFTWARE_TOKEN_MFA'],
    });
    const clients = resources(control, 'AWS::Cognito::UserPoolClient').map(
      ([, { Properties }]) => Properties,
    );
    const [people, ...others] = clients.filter(({ GenerateSecret }) => !GenerateSecret);
    expect(others).toEqual([]);
    expect(people).toMatchObject({ AllowedOAuthFlows: ['code'], WriteAttributes: ['email'] });
    // The toolkit's API asks nobody whether the operator of a token is still one.
    if (controlPlane === 'sbt')
      expect(people).toMatchObject({
        AccessTokenValidity: 15,
        TokenValidityUnits: { AccessToken: 'minutes' },
      });
    const [machine] = clients.filter(({ GenerateSecret }) => GenerateSecret);
    expect(machine?.AllowedOAuthFlows).toEqual(['client_credentials']);
  });

  it('invites the system administrator by mail, and counts nothing', () => {
    expect(JSON.stringify(control.toJSON())).toContain('ops@acme.example');
    expect(control.toJSON()['Description']).not.toContain('uksb');
  });

  it('runs on runtimes that AWS still creates', () => {
    for (const [id, { Properties }] of resources(control, 'AWS::Lambda::Function'))
      expect(Properties['Runtime'], id).toMatch(/^(nodejs2[24]\.x|python3\.1[2-9])$/);
  });

  it('has no job for what the command line provisions itself, and tells of a job that could not', () => {
    const rules = resources(core, 'AWS::Events::Rule').map(([, { Properties }]) => Properties.EventPattern);
    expect(rules).toEqual([
      {
        source: ['controlPlaneEventSource'],
        'detail-type': ['onboardingRequest'],
        detail: { provisionedBy: [{ exists: false }, { 'anything-but': ['cli'] }] },
      },
      { source: ['controlPlaneEventSource'], 'detail-type': ['offboardingRequest'] },
    ]);
    for (const [id, { Properties }] of resources(core, 'AWS::StepFunctions::StateMachine')) {
      const definition = JSON.stringify(Properties.DefinitionString);
      for (const part of ['States.ALL', 'TimeoutSeconds', 'registrationStatus', 'failureLog'])
        expect(definition, id).toContain(part);
      expect(Properties.LoggingConfiguration.IncludeExecutionData).toBe(false);
    }
    expect(only(core, 'AWS::CodeBuild::Project').Properties.Environment.PrivilegedMode).toBe(false);
  });
});

/** Domains and identity providers through the API: what is kept, and what is refused as on AWS. */

import {
  CloudFormation,
  waitUntilStackCreateComplete,
  waitUntilStackDeleteComplete,
  waitUntilStackUpdateComplete,
} from '@aws-sdk/client-cloudformation';
import {
  CognitoIdentityProvider,
  type CreateIdentityProviderCommandInput,
} from '@aws-sdk/client-cognito-identity-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { selfSigned } from './certificate.ts';
import { CognitoFixture } from './cognito-fixture.ts';
import { samlMetadata } from './saml-provider.ts';

const fixture = new CognitoFixture();
let cognito: CognitoIdentityProvider;
let UserPoolId: string;

beforeAll(async () => {
  await fixture.start();
  cognito = new CognitoIdentityProvider({
    endpoint: fixture.cloud.endpoint,
    region: fixture.cloud.region,
    credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'x' },
    maxAttempts: 1,
  });
  UserPoolId = await fixture.pool({ Schema: [{ Name: 'department', AttributeDataType: 'String' }] });
});
afterAll(async () => {
  cognito.destroy();
  await fixture.stop();
});

const oidc = (changes: Partial<CreateIdentityProviderCommandInput> = {}) => ({
  UserPoolId,
  ProviderName: 'Corporate',
  ProviderType: 'OIDC' as const,
  ...changes,
  ProviderDetails: {
    client_id: 'app',
    client_secret: 'secret',
    authorize_scopes: 'openid email',
    attributes_request_method: 'GET',
    oidc_issuer: 'https://id.example.com',
    ...changes.ProviderDetails,
  },
});

describe('a domain', () => {
  it('is one a pool, of lowercase letters, digits and hyphens, and taken once', async () => {
    await cognito.createUserPoolDomain({ UserPoolId, Domain: 'acme-sign-in' });
    const { DomainDescription } = await cognito.describeUserPoolDomain({ Domain: 'acme-sign-in' });
    expect(DomainDescription).toMatchObject({ UserPoolId, Domain: 'acme-sign-in', Status: 'ACTIVE' });
    const other = await fixture.pool();
    const refused = (input: { UserPoolId: string; Domain: string }) =>
      expect(cognito.createUserPoolDomain(input)).rejects.toMatchObject({
        name: 'InvalidParameterException',
      });
    await refused({ UserPoolId: other, Domain: 'acme-sign-in' });
    await refused({ UserPoolId, Domain: 'acme-second' });
    await refused({ UserPoolId: other, Domain: 'Acme' });
    await refused({ UserPoolId: other, Domain: 'my-cognito' });
    await cognito.deleteUserPoolDomain({ UserPoolId, Domain: 'acme-sign-in' });
    const gone = await cognito.describeUserPoolDomain({ Domain: 'acme-sign-in' });
    expect(gone.DomainDescription).toEqual({});
  });
});

describe('an OpenID Connect provider', () => {
  it('is made, found by name and identifier, changed, listed and deleted', async () => {
    const made = await cognito.createIdentityProvider(
      oidc({ AttributeMapping: { email: 'mail' }, IdpIdentifiers: ['acme.example'] }),
    );
    expect(made.IdentityProvider).toMatchObject({ ProviderName: 'Corporate', ProviderType: 'OIDC' });
    const found = await cognito.getIdentityProviderByIdentifier({
      UserPoolId,
      IdpIdentifier: 'acme.example',
    });
    expect(found.IdentityProvider?.ProviderName).toBe('Corporate');
    await cognito.updateIdentityProvider({
      UserPoolId,
      ProviderName: 'Corporate',
      AttributeMapping: { email: 'email', 'custom:department': 'unit' },
    });
    const { IdentityProvider } = await cognito.describeIdentityProvider({
      UserPoolId,
      ProviderName: 'Corporate',
    });
    expect(IdentityProvider?.AttributeMapping).toEqual({ email: 'email', 'custom:department': 'unit' });
    expect(IdentityProvider?.IdpIdentifiers).toEqual(['acme.example']);
    expect(IdentityProvider?.ProviderDetails?.['oidc_issuer']).toBe('https://id.example.com');
    await expect(cognito.createIdentityProvider(oidc())).rejects.toMatchObject({
      name: 'DuplicateProviderException',
    });
    const { Providers } = await cognito.listIdentityProviders({ UserPoolId });
    expect(Providers?.map(({ ProviderName }) => ProviderName)).toEqual(['Corporate']);
    await cognito.deleteIdentityProvider({ UserPoolId, ProviderName: 'Corporate' });
    await expect(
      cognito.describeIdentityProvider({ UserPoolId, ProviderName: 'Corporate' }),
    ).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  });

  it.each([
    ['without an issuer', { ProviderDetails: { oidc_issuer: '' } }, /oidc_issuer/],
    ['over plain http', { ProviderDetails: { oidc_issuer: 'http://id.example.com' } }, /https/],
    ['without the scope openid', { ProviderDetails: { authorize_scopes: 'email' } }, /openid/],
    ['that fills an attribute the pool lacks', { AttributeMapping: { 'custom:nope': 'x' } }, /custom:nope/],
    ['called COGNITO', { ProviderName: 'COGNITO' }, /name/],
    ['with an underscore at an end', { ProviderName: '_corp' }, /name/],
  ])('is refused %s', async (_what, changes, message) => {
    await expect(
      cognito.createIdentityProvider(oidc(changes as Partial<CreateIdentityProviderCommandInput>)),
    ).rejects.toMatchObject({
      name: 'InvalidParameterException',
      message: expect.stringMatching(message) as string,
    });
  });
});

describe('a SAML provider', () => {
  const saml = (ProviderDetails: Record<string, string>) =>
    cognito.createIdentityProvider({
      UserPoolId,
      ProviderName: 'Directory',
      ProviderType: 'SAML',
      ProviderDetails,
    });

  it('is made from its metadata, which say where to sign in', async () => {
    const { certificate } = selfSigned();
    const MetadataFile = samlMetadata('urn:directory', 'https://sso.example.com/in', [certificate]);
    const { IdentityProvider } = await saml({ MetadataFile });
    expect(IdentityProvider?.ProviderDetails).toEqual({
      MetadataFile,
      SSORedirectBindingURI: 'https://sso.example.com/in',
    });
    await cognito.deleteIdentityProvider({ UserPoolId, ProviderName: 'Directory' });
  });

  it('is refused with metadata that can not be trusted', async () => {
    const refused = (MetadataFile: string, message: RegExp) =>
      expect(saml({ MetadataFile })).rejects.toMatchObject({
        name: 'InvalidParameterException',
        message: expect.stringMatching(message) as string,
      });
    const { certificate } = selfSigned();
    await refused('<a>', /XML/);
    await refused('<EntityDescriptor xmlns="urn:x"/>', /EntityDescriptor/);
    await refused(samlMetadata('urn:x', 'https://sso.example.com', []), /certificate/);
    await refused(samlMetadata('urn:x', 'https://sso.example.com', ['AAAA']), /certificate/);
    await refused(samlMetadata('urn:x', 'javascript:1', [certificate]), /SingleSignOnService/);
    await refused(samlMetadata('urn:x', 'https://sso.example.com', [selfSigned(-1).certificate]), /expired/);
    await expect(saml({})).rejects.toMatchObject({ name: 'InvalidParameterException' });
  });
});

describe('an app client', () => {
  const client = {
    AllowedOAuthFlowsUserPoolClient: true,
    AllowedOAuthFlows: ['code' as const],
    AllowedOAuthScopes: ['openid'],
    CallbackURLs: ['http://localhost:3000/back', 'https://app.example.com/', 'acme://signed-in'],
    SupportedIdentityProviders: ['COGNITO'],
  };

  it('takes callbacks by https, on this machine, and of apps', async () => {
    await expect(fixture.client(UserPoolId, client)).resolves.toBeDefined();
  });

  it.each([
    ['a provider that the pool lacks', { SupportedIdentityProviders: ['Nobody'] }, /Nobody does not exist/],
    ['a callback over http elsewhere', { CallbackURLs: ['http://app.example.com'] }, /HTTP protocol/],
    ['a callback with a fragment', { CallbackURLs: ['https://app.example.com/#a'] }, /fragments/],
    ['a callback that is a script', { CallbackURLs: ['javascript:alert(1)'] }, /scheme/],
    ['OAuth without flows', { AllowedOAuthFlows: [] }, /AllowedOAuthFlows/],
  ])('is refused with %s', async (_what, changes, message) => {
    await expect(fixture.client(UserPoolId, { ...client, ...changes })).rejects.toThrow(message);
  });
});

describe('a stack', () => {
  const template = (mapping: Record<string, string>) =>
    JSON.stringify({
      Resources: {
        Pool: { Type: 'AWS::Cognito::UserPool', Properties: {} },
        Domain: {
          Type: 'AWS::Cognito::UserPoolDomain',
          Properties: { UserPoolId: { Ref: 'Pool' }, Domain: 'acme-stack' },
        },
        Provider: {
          Type: 'AWS::Cognito::UserPoolIdentityProvider',
          Properties: {
            UserPoolId: { Ref: 'Pool' },
            ProviderName: 'Corporate',
            ProviderType: 'OIDC',
            ProviderDetails: oidc().ProviderDetails,
            AttributeMapping: mapping,
          },
        },
        Client: {
          Type: 'AWS::Cognito::UserPoolClient',
          Properties: { UserPoolId: { Ref: 'Pool' }, SupportedIdentityProviders: [{ Ref: 'Provider' }] },
        },
      },
      Outputs: { Pool: { Value: { Ref: 'Pool' } }, Domain: { Value: { Ref: 'Domain' } } },
    });

  it('brings domain and provider up, changes a mapping in place, and takes all away', async () => {
    const client = new CloudFormation({
      endpoint: fixture.cloud.endpoint,
      region: fixture.cloud.region,
      credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'x' },
      maxAttempts: 1,
    });
    const wait = { client, maxWaitTime: 50, minDelay: 1, maxDelay: 1 };
    const StackName = 'sign-in';
    await client.createStack({ StackName, TemplateBody: template({ email: 'email' }) });
    await waitUntilStackCreateComplete(wait, { StackName });
    const { Stacks } = await client.describeStacks({ StackName });
    const outputs = Object.fromEntries(
      (Stacks?.[0]?.Outputs ?? []).map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]),
    );
    expect(outputs['Domain']).toBe('acme-stack');
    const UserPoolId = outputs['Pool'] ?? '';
    const mapping = async () =>
      (await cognito.describeIdentityProvider({ UserPoolId, ProviderName: 'Corporate' })).IdentityProvider
        ?.AttributeMapping;
    expect(await mapping()).toEqual({ email: 'email' });
    await client.updateStack({ StackName, TemplateBody: template({ email: 'mail' }) });
    await waitUntilStackUpdateComplete(wait, { StackName });
    expect(await mapping()).toEqual({ email: 'mail' });
    await client.deleteStack({ StackName });
    await waitUntilStackDeleteComplete(wait, { StackName });
    await expect(mapping()).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    const { DomainDescription } = await cognito.describeUserPoolDomain({ Domain: 'acme-stack' });
    expect(DomainDescription).toEqual({});
    client.destroy();
  });
});

/** The account's settings, tags, domain names and VPC links of version 1. The last two are kept and lead nowhere. */
import {
  CreateDomainName$,
  type CreateDomainNameRequest,
  CreateVpcLink$,
  type CreateVpcLinkRequest,
  DeleteDomainName$,
  type DeleteDomainNameRequest,
  DeleteVpcLink$,
  type DeleteVpcLinkRequest,
  type DomainName,
  GetAccount$,
  GetDomainName$,
  type GetDomainNameRequest,
  GetDomainNames$,
  type GetDomainNamesRequest,
  GetTags$,
  type GetTagsRequest,
  GetVpcLink$,
  type GetVpcLinkRequest,
  GetVpcLinks$,
  type GetVpcLinksRequest,
  TagResource$,
  type TagResourceRequest,
  UntagResource$,
  type UntagResourceRequest,
  UpdateAccount$,
  type UpdateAccountRequest,
  type VpcLink,
} from '@aws-sdk/client-api-gateway';
import type { Cloud, Operation } from '../../../platform.ts';
import { accountThrottle } from '../data-plane/throttle.ts';
import { badRequest, conflict, newId, notFound } from '../definition.ts';
import type { ApiGatewayState } from '../state.ts';
import { pageOf } from './page.ts';
import { applyPatches } from './patch.ts';
import type { MakeOperation } from './rest-operation.ts';

export interface AccountSettings {
  setLogRole(arn: string | undefined): void;
  createDomainName(
    input: CreateDomainNameRequest,
  ): ReturnType<ApiGatewayState['domainNames']['values']>[number];
  createVpcLink(input: CreateVpcLinkRequest): VpcLink & { id: string };
  readonly operations: readonly Operation[];
}

const settings = 'settings';

export function createAccount(
  cloud: Cloud,
  state: ApiGatewayState,
  operation: MakeOperation,
): AccountSettings {
  const describe = () => ({
    ...state.account.get(settings),
    throttleSettings: accountThrottle,
    features: ['UsagePlans'],
    apiKeyVersion: '4',
  });
  const setLogRole: AccountSettings['setLogRole'] = (arn) =>
    state.account.put(settings, arn === undefined || arn === '' ? {} : { cloudwatchRoleArn: arn });

  const createDomainName: AccountSettings['createDomainName'] = (input) => {
    const { domainName = '', certificateName: _name, certificateBody: _body, ...given } = input;
    if (!/^[a-z0-9.*-]+$/.test(domainName)) throw badRequest(`Invalid domain name '${domainName}'`);
    if (state.domainNames.has(domainName)) throw conflict('The domain name you provided already exists.');
    const record = {
      ...(given as Omit<DomainName, 'certificateUploadDate'>),
      domainName,
      regionalDomainName: `d-${newId()}.execute-api.${cloud.region}.amazonaws.com`,
      regionalHostedZoneId: 'Z1UJRXOUMOOFQ8',
      distributionDomainName: `d${newId(13)}.cloudfront.net`,
      distributionHostedZoneId: 'Z2FDTNDATAQYW2',
      domainNameStatus: 'AVAILABLE' as const,
      domainNameArn: `arn:${cloud.partition}:apigateway:${cloud.region}::/domainnames/${domainName}`,
    };
    state.domainNames.put(domainName, record);
    return record;
  };
  const createVpcLink: AccountSettings['createVpcLink'] = (input) => {
    const link = {
      id: newId(6),
      name: input.name,
      targetArns: input.targetArns,
      status: 'AVAILABLE' as const,
      ...(input.description !== undefined && { description: input.description }),
      ...(input.tags && { tags: input.tags }),
    };
    state.vpcLinks.put(link.id, link);
    return link;
  };
  const domainNameOf = (name = '') => {
    const record = state.domainNames.get(name);
    if (!record) throw notFound('Invalid domain name identifier specified');
    return record;
  };
  const vpcLinkOf = (id = '') => {
    const link = state.vpcLinks.get(id);
    if (!link) throw notFound('Invalid Vpc Link identifier specified');
    return link;
  };

  return {
    setLogRole,
    createDomainName,
    createVpcLink,
    operations: [
      operation(GetAccount$, describe),
      operation(UpdateAccount$, (input: UpdateAccountRequest) => {
        applyPatches(input.patchOperations, [
          ['/cloudwatchRoleArn', ({ op, value }) => setLogRole(op === 'remove' ? undefined : value)],
        ]);
        return describe();
      }),
      operation(CreateDomainName$, createDomainName),
      operation(GetDomainName$, (input: GetDomainNameRequest) => domainNameOf(input.domainName)),
      operation(GetDomainNames$, (input: GetDomainNamesRequest) => pageOf(state.domainNames.values(), input)),
      operation(DeleteDomainName$, (input: DeleteDomainNameRequest) => {
        state.domainNames.delete(domainNameOf(input.domainName).domainName ?? '');
        return {};
      }),
      operation(CreateVpcLink$, createVpcLink),
      operation(GetVpcLink$, (input: GetVpcLinkRequest) => vpcLinkOf(input.vpcLinkId)),
      operation(GetVpcLinks$, (input: GetVpcLinksRequest) => pageOf(state.vpcLinks.values(), input)),
      operation(DeleteVpcLink$, (input: DeleteVpcLinkRequest) => {
        state.vpcLinks.delete(vpcLinkOf(input.vpcLinkId).id);
        return {};
      }),
      ...tagOperations(state, operation),
    ],
  };
}

function tagOperations(state: ApiGatewayState, operation: MakeOperation): Operation[] {
  /** What an ARN such as `arn:aws:apigateway:us-east-1::/restapis/abc/stages/prod` names. */
  const tagged = (
    arn = '',
  ): { tags: Record<string, string>; put: (tags: Record<string, string>) => void } => {
    const [, kind = '', id = '', part = '', name = ''] = arn.slice(arn.indexOf('::/') + 2).split('/');
    if (kind === 'restapis' && part === 'stages') {
      const stage = state.stage(id, name);
      return { tags: stage.tags ?? {}, put: (tags) => state.putStage({ ...stage, tags }) };
    }
    if (kind === 'restapis') {
      const api = state.api(id);
      return {
        tags: api.description.tags ?? {},
        put: (tags) => state.apis.put(id, { ...api, description: { ...api.description, tags } }),
      };
    }
    if (kind === 'apikeys') {
      const key = state.key(id);
      return { tags: key.tags ?? {}, put: (tags) => state.keyIndex.put({ ...key, tags }) };
    }
    if (kind === 'usageplans') {
      const plan = state.plan(id);
      return { tags: plan.tags ?? {}, put: (tags) => state.plans.put(id, { ...plan, tags }) };
    }
    throw notFound(`Invalid resource ARN specified: ${arn}`);
  };
  return [
    operation(GetTags$, (input: GetTagsRequest) => ({ tags: tagged(input.resourceArn).tags })),
    operation(TagResource$, (input: TagResourceRequest) => {
      const { tags, put } = tagged(input.resourceArn);
      const next = { ...tags, ...input.tags };
      if (Object.keys(next).length > 50) throw badRequest('A resource can have at most 50 tags');
      put(next);
      return {};
    }),
    operation(UntagResource$, (input: UntagResourceRequest) => {
      const { tags, put } = tagged(input.resourceArn);
      const gone = new Set(input.tagKeys ?? []);
      put(Object.fromEntries(Object.entries(tags).filter(([key]) => !gone.has(key))));
      return {};
    }),
  ];
}

/** API Gateway v2, as far as REST APIs need it: VPC Links to Application Load Balancers. */
import {
  CreateVpcLink$,
  type CreateVpcLinkRequest,
  DeleteVpcLink$,
  type DeleteVpcLinkRequest,
  GetVpcLink$,
  type GetVpcLinkRequest,
  GetVpcLinks$,
  type GetVpcLinksRequest,
  UpdateVpcLink$,
  type UpdateVpcLinkRequest,
} from '@aws-sdk/client-apigatewayv2';
import {
  AwsError,
  type AwsService,
  type Cloud,
  type ResourceState,
  type ResourceType,
} from '../../platform.ts';
import { pageOf } from '../api-gateway/control/page.ts';
import { operationsOf } from '../api-gateway/control/rest-operation.ts';
import { newId } from '../api-gateway/definition.ts';
import { type VpcLinkRecord, vpcLink, vpcLinksOf } from './vpc-links.ts';

/** VPC Links of an account and Region ("Amazon API Gateway quotas"). */
export const maxLinks = 10;

export function createApiGatewayV2(cloud: Cloud): AwsService {
  const links = vpcLinksOf(cloud);
  const operation = operationsOf(cloud);

  const create = (input: CreateVpcLinkRequest): VpcLinkRecord => {
    if (!input.Name) throw new AwsError('BadRequestException', 'VPC link name must be specified');
    if (!input.SubnetIds?.length)
      throw new AwsError('BadRequestException', 'At least one subnet must be specified');
    if (links.keys().length >= maxLinks)
      throw new AwsError(
        'TooManyRequestsException',
        `Maximum number of VPC links has been reached: ${maxLinks}`,
        429,
      );
    const link: VpcLinkRecord = {
      VpcLinkId: newId(6),
      Name: input.Name,
      SubnetIds: input.SubnetIds,
      SecurityGroupIds: input.SecurityGroupIds ?? [],
      CreatedDate: new Date(cloud.clock.now()).toISOString(),
      VpcLinkStatus: 'AVAILABLE',
      VpcLinkVersion: 'V2',
      ...(input.Tags && { Tags: input.Tags }),
    };
    links.put(link.VpcLinkId, link);
    return link;
  };
  const rename = (id: string, name: string | undefined): VpcLinkRecord => {
    const link = { ...vpcLink(cloud, id), ...(name !== undefined && { Name: name }) };
    links.put(id, link);
    return link;
  };

  return {
    signingName: 'apigateway',
    protocol: 'rest-json',
    operations: [
      operation(CreateVpcLink$, create),
      operation(GetVpcLink$, (input: GetVpcLinkRequest) => vpcLink(cloud, input.VpcLinkId)),
      operation(GetVpcLinks$, (input: GetVpcLinksRequest) => {
        const page = pageOf(links.values(), {
          position: input.NextToken,
          limit: input.MaxResults === undefined ? undefined : Number(input.MaxResults),
        });
        return { Items: page.items, NextToken: page.position };
      }),
      operation(UpdateVpcLink$, (input: UpdateVpcLinkRequest) => rename(input.VpcLinkId ?? '', input.Name)),
      operation(DeleteVpcLink$, (input: DeleteVpcLinkRequest) => {
        links.delete(vpcLink(cloud, input.VpcLinkId).VpcLinkId);
        return {};
      }),
    ],
    resourceTypes: { 'AWS::ApiGatewayV2::VpcLink': vpcLinkType(create, rename, (id) => links.delete(id)) },
  };
}

function vpcLinkType(
  create: (input: CreateVpcLinkRequest) => VpcLinkRecord,
  rename: (id: string, name: string | undefined) => VpcLinkRecord,
  remove: (id: string) => void,
): ResourceType {
  const result = ({ VpcLinkId }: VpcLinkRecord): ResourceState => ({
    physicalId: VpcLinkId,
    attributes: { VpcLinkId },
  });
  return {
    replaceOn: ['SubnetIds', 'SecurityGroupIds'],
    create(context, properties) {
      const link = create({
        Name: properties['Name'] as string,
        SubnetIds: properties['SubnetIds'] as string[],
        SecurityGroupIds: properties['SecurityGroupIds'] as string[] | undefined,
        Tags: { ...context.tags, ...(properties['Tags'] as Record<string, string> | undefined) },
      });
      context.initiated?.(link.VpcLinkId);
      return result(link);
    },
    update: (_context, id, properties) => result(rename(id, properties['Name'] as string | undefined)),
    delete: (_context, id) => remove(id),
  };
}

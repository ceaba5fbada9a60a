/** VPC Links: operations and the CloudFormation type. */
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
  type Cloud,
  type Operation,
  type ResourceState,
  type ResourceType,
} from '../../platform.ts';
import type { MakeOperation } from '../api-gateway/control/rest-operation.ts';
import { newId } from '../api-gateway/definition.ts';
import { itemsPage } from './control/items-page.ts';
import { type VpcLinkRecord, vpcLink, vpcLinksOf } from './vpc-links.ts';

/** VPC Links of an account and Region ("Amazon API Gateway quotas"). */
export const maxLinks = 10;

export function createVpcLinks(
  cloud: Cloud,
  operation: MakeOperation,
): { operations: Operation[]; type: ResourceType } {
  const links = vpcLinksOf(cloud);

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
    operations: [
      operation(CreateVpcLink$, create),
      operation(GetVpcLink$, (input: GetVpcLinkRequest) => vpcLink(cloud, input.VpcLinkId)),
      operation(GetVpcLinks$, (input: GetVpcLinksRequest) => itemsPage(links.values(), input)),
      operation(UpdateVpcLink$, (input: UpdateVpcLinkRequest) => rename(input.VpcLinkId ?? '', input.Name)),
      operation(DeleteVpcLink$, (input: DeleteVpcLinkRequest) => {
        links.delete(vpcLink(cloud, input.VpcLinkId).VpcLinkId);
        return {};
      }),
    ],
    type: vpcLinkType(create, rename, (id) => links.delete(id)),
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

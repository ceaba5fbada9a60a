import { type App, CfnParameter, Stack } from 'aws-cdk-lib/core';
import type { Deployment } from '../../model/config.ts';
import { cellNameParameter } from '../../model/names.ts';
import { encryptLogs, environmentKey } from '../encryption.ts';
import { read, readList } from '../parameters.ts';
import { parametersOnly } from '../parameters-only.ts';
import { Cell } from './cell.ts';

/** A further cell: one template for all of them, named by its parameter `CellName` (`cell-2`, `cell-3`, …). */
export class CellStack extends Stack {
  constructor(app: App, deployment: Deployment) {
    super(app, 'cell', {
      description: 'saas-ecs: a further cell',
      synthesizer: parametersOnly(),
    });
    encryptLogs(this, environmentKey(this, deployment));
    const name = new CfnParameter(this, cellNameParameter, { allowedPattern: 'cell-[1-9][0-9]*' });
    new Cell(this, 'Cell', {
      name: name.valueAsString,
      deployment,
      vpcId: read(this, deployment, 'vpcId'),
      subnetIds: readList(this, deployment, 'privateSubnetIds'),
      vpcLinkId: read(this, deployment, 'vpcLinkId'),
      vpcLinkSecurityGroupId: read(this, deployment, 'vpcLinkSecurityGroupId'),
      authorizerArn: read(this, deployment, 'authorizerArn'),
      ...(deployment.security.waf && { webAclArn: read(this, deployment, 'webAclArn') }),
    });
  }
}

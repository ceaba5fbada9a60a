/** A CDK app with nothing but SaaS Builder Toolkit's own control plane. */
import { ControlPlane } from '@cdklabs/sbt-aws';
import { App, Stack } from 'aws-cdk-lib';

const app = new App({
  // Its Python functions would be bundled with Docker. (The CLI has an opinion of its own, so after it.)
  postCliContext: { 'aws:cdk:bundling-stacks': [] },
});
const stack = new Stack(app, 'controlplane', { env: { account: '000000000000', region: 'us-east-1' } });
new ControlPlane(stack, 'sbt', { systemAdminEmail: 'ops@acme.example' });

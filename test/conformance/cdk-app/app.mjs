/**
 * The app that the stock CDK CLI deploys: a bucket, a table, a function that a custom resource calls, an image and a
 * file asset. Context `step` is 1, 2 (an update) or 3 (an update that fails).
 */
import path from 'node:path';
import { App, CfnOutput, CustomResource, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { AttributeType, BillingMode, Table } from 'aws-cdk-lib/aws-dynamodb';
import { DockerImageAsset } from 'aws-cdk-lib/aws-ecr-assets';
import { Code, Function as Lambda, Runtime } from 'aws-cdk-lib/aws-lambda';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { Asset } from 'aws-cdk-lib/aws-s3-assets';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';

const app = new App();
const step = Number(app.node.tryGetContext('step') ?? 1);
const directory = import.meta.dirname;

const data = new Stack(app, 'conformance-data');
const table = new Table(data, 'Table', {
  partitionKey: { name: 'pk', type: AttributeType.STRING },
  billingMode: BillingMode.PAY_PER_REQUEST,
  removalPolicy: RemovalPolicy.DESTROY,
});

const stack = new Stack(app, 'conformance-app');
const bucket = new Bucket(stack, 'Bucket', { removalPolicy: RemovalPolicy.DESTROY });
const handler = new Lambda(stack, 'Handler', {
  runtime: Runtime.NODEJS_22_X,
  handler: 'index.handler',
  code: Code.fromAsset(path.join(directory, 'handler')),
  environment: { TABLE: table.tableName },
});
table.grantReadWriteData(handler);
const answer = new CustomResource(stack, 'Answer', {
  serviceToken: handler.functionArn,
  properties: { Step: step, Fail: step === 3 },
});
answer.node.addDependency(bucket, handler.role);
const version = new StringParameter(stack, 'Version', {
  parameterName: '/conformance/version',
  stringValue: `v${step}`,
});
answer.node.addDependency(version);
const image = new DockerImageAsset(stack, 'Image', { directory: path.join(directory, 'image') });
const file = new Asset(stack, 'File', { path: path.join(directory, 'app.mjs') });
new CfnOutput(stack, 'Greeting', { value: answer.getAttString('Greeting') });
new CfnOutput(stack, 'ImageUri', { value: image.imageUri });
new CfnOutput(stack, 'FileUrl', { value: file.httpUrl });
app.synth();

/** Answers a custom resource: counts its steps in the table, fails when it is told to. */
import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';

export async function handler(event) {
  const { Step, Fail } = event.ResourceProperties;
  const answer = {
    Status: Fail === 'true' ? 'FAILED' : 'SUCCESS',
    Reason: Fail === 'true' ? 'told to fail' : '',
    PhysicalResourceId: 'the-answer',
    StackId: event.StackId,
    RequestId: event.RequestId,
    LogicalResourceId: event.LogicalResourceId,
    Data: { Greeting: `hello from step ${Step}` },
  };
  const Item = { pk: { S: `${event.RequestType} ${Step}` } };
  await new DynamoDBClient().send(new PutItemCommand({ TableName: process.env.TABLE, Item }));
  await fetch(event.ResponseURL, { method: 'PUT', body: JSON.stringify(answer) });
}

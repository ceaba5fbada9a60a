/** A CloudFormation custom resource: sets a default of the account in Amazon ECS, e.g. `awsvpcTrunking`. */
import { ECSClient, PutAccountSettingDefaultCommand, type SettingName } from '@aws-sdk/client-ecs';

interface CustomResourceEvent {
  RequestType: 'Create' | 'Update' | 'Delete';
  RequestId: string;
  ResponseURL: string;
  StackId: string;
  LogicalResourceId: string;
  PhysicalResourceId?: string;
  ResourceProperties: { Name: SettingName; Value: string };
}

const ecs = new ECSClient({});

/** CloudFormation waits for the PUT to its URL, so that is sent whatever happens. */
export async function handler(event: CustomResourceEvent): Promise<void> {
  const { Name, Value } = event.ResourceProperties;
  let reason: string | undefined;
  try {
    // Deleting the stack leaves the setting: other clusters of the account may count on it.
    if (event.RequestType !== 'Delete') {
      await ecs.send(new PutAccountSettingDefaultCommand({ name: Name, value: Value }));
    }
  } catch (error) {
    reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
  const response = await fetch(event.ResponseURL, {
    method: 'PUT',
    // The URL is signed for no content type.
    headers: { 'content-type': '' },
    body: JSON.stringify({
      Status: reason === undefined ? 'SUCCESS' : 'FAILED',
      ...(reason !== undefined && { Reason: reason }),
      PhysicalResourceId: event.PhysicalResourceId ?? `ecs-${Name}`,
      StackId: event.StackId,
      RequestId: event.RequestId,
      LogicalResourceId: event.LogicalResourceId,
    }),
  });
  if (!response.ok) throw new Error(`CloudFormation refused the response: ${response.status}`);
}

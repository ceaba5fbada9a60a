import { type EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { eventSources, type registrationEvents } from '../../../model/control-plane.ts';

export type Publish = (
  event: typeof registrationEvents.onboardingRequest | typeof registrationEvents.offboardingRequest,
  detail: object,
) => Promise<void>;

/** Puts the control plane's requests on its bus. Rejects when the bus did not take one. */
export function requestsOn(client: EventBridgeClient, busName: string): Publish {
  return async (event, detail) => {
    const { Entries } = await client.send(
      new PutEventsCommand({
        Entries: [
          {
            EventBusName: busName,
            Source: eventSources.controlPlane,
            DetailType: event,
            Detail: JSON.stringify(detail),
          },
        ],
      }),
    );
    const failed = Entries?.find(({ ErrorCode }) => ErrorCode !== undefined);
    if (failed) throw new Error(`the bus refused ${event}: ${failed.ErrorCode} ${failed.ErrorMessage}`);
  };
}

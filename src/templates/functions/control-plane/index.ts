/** The builtin control plane: the REST API, and the outcomes that the bus brings. */
import { CognitoIdentityProviderClient } from '@aws-sdk/client-cognito-identity-provider';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { controlPlaneEnvironment } from '../../../model/control-plane.ts';
import { requestsOn } from './bus.ts';
import { admit, type Callers } from './callers.ts';
import { answer, badRequest, type HttpAnswer, HttpError, type HttpEvent } from './http.ts';
import { isOutcome, record } from './outcome.ts';
import * as registrations from './registrations.ts';
import { Registrations } from './store.ts';
import * as tenantConfig from './tenant-config.ts';
import * as tenants from './tenants.ts';
import * as users from './users.ts';

const required = (name: string): string => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
};

const now = (): string => new Date().toISOString();
const store = new Registrations(new DynamoDBClient({}), required(controlPlaneEnvironment.registryTable));
const publish = requestsOn(new EventBridgeClient({}), required(controlPlaneEnvironment.busName));
const userRoutes: users.UserRoutes = {
  cognito: new CognitoIdentityProviderClient({}),
  userPoolId: required(controlPlaneEnvironment.userPoolId),
};
const callers: Callers = {
  ...userRoutes,
  machineClientId: required(controlPlaneEnvironment.machineClientId),
};
const registrationRoutes: registrations.RegistrationRoutes = { registrations: store, publish, now };

type Route = (event: HttpEvent) => Promise<HttpAnswer>;
const routes: Readonly<Record<string, Route>> = {
  'POST /tenant-registrations': (event) => registrations.create(registrationRoutes, event),
  'GET /tenant-registrations': (event) => registrations.list(registrationRoutes, event),
  'GET /tenant-registrations/{tenantRegistrationId}': (event) => registrations.get(registrationRoutes, event),
  'PATCH /tenant-registrations/{tenantRegistrationId}': (event) =>
    registrations.update(registrationRoutes, event),
  'DELETE /tenant-registrations/{tenantRegistrationId}': (event) =>
    registrations.remove(registrationRoutes, event),
  'GET /tenants': (event) => tenants.list(store, event),
  'GET /tenants/{tenantId}': (event) => tenants.get(store, event),
  'GET /tenant-config': (event) => tenantConfig.get(store, event),
  'GET /tenant-config/{tenantName}': (event) => tenantConfig.get(store, event),
  'POST /users': (event) => users.create(userRoutes, event),
  'GET /users': (event) => users.list(userRoutes, event),
  'GET /users/{userId}': (event) => users.get(userRoutes, event),
  'PUT /users/{userId}': (event) => users.update(userRoutes, event),
  'DELETE /users/{userId}': (event) => users.remove(userRoutes, event),
};

export async function handler(event: unknown): Promise<HttpAnswer | undefined> {
  if (isOutcome(event)) {
    await record(store, event, now());
    return undefined;
  }
  const request = event as HttpEvent;
  const route = Object.hasOwn(routes, request.routeKey) ? routes[request.routeKey] : undefined;
  if (!route) return failure(new HttpError(404, 'Not found'));
  try {
    await admit(callers, request);
    return await route(request);
  } catch (error) {
    if (error instanceof HttpError) return failure(error);
    // Cognito has bounds of its own for names and tokens; its words are not for whoever sent them.
    if (error instanceof Error && error.name === 'InvalidParameterException')
      return failure(badRequest('a value is not one that the user pool takes'));
    // Neither bodies nor names are logged.
    console.error(
      JSON.stringify({
        level: 'error',
        msg: 'request failed',
        route: request.routeKey,
        error: String(error),
      }),
    );
    return failure(new HttpError(500, 'Unknown error during processing!'));
  }
}

const failure = ({ statusCode, message, data }: HttpError): HttpAnswer =>
  answer(statusCode, { statusCode, message, ...data });

/** An API's definition: resources with their methods, authorizers, models and so on. A deployment is a copy of one. */
import { randomBytes } from 'node:crypto';
import type {
  Authorizer,
  GatewayResponse,
  Method,
  Model,
  RequestValidator,
} from '@aws-sdk/client-api-gateway';
import { AwsError } from '../../platform.ts';

export interface ResourceNode {
  id: string;
  parentId?: string;
  pathPart?: string;
  path: string;
  /** By HTTP method; `ANY` is every other one. */
  methods: Record<string, Method>;
}

export interface ApiDefinition {
  rootResourceId: string;
  apiKeySource: 'HEADER' | 'AUTHORIZER';
  binaryMediaTypes: string[];
  resources: Record<string, ResourceNode>;
  authorizers: Record<string, Authorizer>;
  /** By name. */
  models: Record<string, Model>;
  requestValidators: Record<string, RequestValidator>;
  /** By response type; only those that differ from API Gateway's own. */
  gatewayResponses: Record<string, GatewayResponse>;
}

const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** Lower-case letters and digits, as API Gateway's ids are. */
export function newId(length = 10): string {
  let id = '';
  for (const byte of randomBytes(length)) id += alphabet[byte % alphabet.length];
  return id;
}

export function emptyDefinition(rootResourceId = newId()): ApiDefinition {
  return {
    rootResourceId,
    apiKeySource: 'HEADER',
    binaryMediaTypes: [],
    resources: { [rootResourceId]: { id: rootResourceId, path: '/', methods: {} } },
    authorizers: {},
    models: {},
    requestValidators: {},
    gatewayResponses: {},
  };
}

export const badRequest = (message: string): AwsError => new AwsError('BadRequestException', message);
export const notFound = (message: string): AwsError => new AwsError('NotFoundException', message, 404);
export const conflict = (message: string): AwsError => new AwsError('ConflictException', message, 409);
export const limitExceeded = (message: string): AwsError =>
  new AwsError('LimitExceededException', message, 429);

/** `{name}` or `{name+}`: a path part that stands for any segment, or for all that follow. */
export function pathParameter(part: string): { name: string; greedy: boolean } | undefined {
  const found = /^\{([A-Za-z0-9._-]+)(\+?)\}$/.exec(part);
  return found ? { name: found[1] ?? '', greedy: found[2] === '+' } : undefined;
}

/** Adds a resource below another. Throws AwsError BadRequestException or ConflictException as CreateResource does. */
export function addResource(definition: ApiDefinition, parentId: string, pathPart: string): ResourceNode {
  const parent = definition.resources[parentId];
  if (!parent) throw notFound('Invalid Resource identifier specified');
  if (!pathParameter(pathPart) && !/^[A-Za-z0-9._:~$-]+$/.test(pathPart))
    throw badRequest(
      "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and curly braces at the beginning and the end.",
    );
  if (parent.pathPart !== undefined && pathParameter(parent.pathPart)?.greedy)
    throw badRequest(`Cannot create a child of a resource with a greedy path variable: ${parent.path}`);
  const siblings = Object.values(definition.resources).filter((each) => each.parentId === parentId);
  if (siblings.some((each) => each.pathPart === pathPart))
    throw conflict(`Another resource with the same parent already has this name: ${pathPart}`);
  const rival = siblings.find(
    (each) =>
      pathParameter(each.pathPart ?? '') &&
      pathParameter(pathPart)?.greedy === pathParameter(each.pathPart ?? '')?.greedy,
  );
  if (rival)
    throw badRequest(
      `A sibling (${rival.pathPart}) of this resource already has a variable path part -- only one is allowed`,
    );
  const node: ResourceNode = {
    id: newId(6),
    parentId,
    pathPart,
    path: `${parent.path === '/' ? '' : parent.path}/${pathPart}`,
    methods: {},
  };
  definition.resources[node.id] = node;
  return node;
}

/** Removes a resource and all below it. */
export function removeResource(definition: ApiDefinition, id: string): void {
  for (const each of Object.values(definition.resources))
    if (each.parentId === id) removeResource(definition, each.id);
  delete definition.resources[id];
}

export const httpMethods: ReadonlySet<string> = new Set([
  'GET',
  'PUT',
  'POST',
  'DELETE',
  'OPTIONS',
  'HEAD',
  'PATCH',
  'ANY',
]);

/**
 * Reads an OpenAPI 3.0 or Swagger 2.0 document with API Gateway's extensions. Source: "OpenAPI extensions for API
 * Gateway" in the developer guide.
 */
import type { Authorizer, GatewayResponse, Method, RestApi } from '@aws-sdk/client-api-gateway';
import { parse as parseYaml } from 'yaml';
import { parseJson, refuseNesting, refuseYamlNesting } from '../../../../model/nesting.ts';
import { type ApiDefinition, addResource, badRequest, emptyDefinition, newId } from '../definition.ts';
import {
  dereference,
  isObject,
  type Json,
  listOf,
  objectOf,
  referencedName,
  textMap,
  textOf,
} from './document.ts';
import { integrationOf } from './integration.ts';

export interface ImportedApi {
  definition: ApiDefinition;
  name?: string;
  /** What the document says of the API itself. */
  settings: Pick<
    RestApi,
    | 'description'
    | 'version'
    | 'policy'
    | 'minimumCompressionSize'
    | 'disableExecuteApiEndpoint'
    | 'endpointConfiguration'
  >;
  warnings: string[];
}

const verbs = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch'] as const;
const anyMethod = 'x-amazon-apigateway-any-method';

/** Parses JSON or YAML. Throws AwsError BadRequestException. */
export function parseDocument(body: Uint8Array | string): Json {
  const text = typeof body === 'string' ? body : Buffer.from(body).toString('utf8');
  let document: unknown;
  try {
    document = text.trimStart().startsWith('{') ? parseJson(text) : yamlOf(text);
  } catch (error) {
    throw badRequest(`Invalid OpenAPI input: ${(error as Error).message}`);
  }
  if (!isObject(document)) throw badRequest('Invalid OpenAPI input.');
  return document;
}

function yamlOf(text: string): unknown {
  refuseYamlNesting(text);
  const document: unknown = parseYaml(text, { logLevel: 'error' });
  refuseNesting(document);
  return document;
}

/**
 * Turns a document into a definition. Ids of `previous` are kept for what has the same path or name. Throws AwsError
 * BadRequestException that lists everything wrong with it.
 */
export function importApi(document: Json, previous?: ApiDefinition): ImportedApi {
  const swagger = textOf(document['swagger']) ?? (document['swagger'] === 2 ? '2.0' : undefined);
  const openapi = textOf(document['openapi']);
  if (swagger !== '2.0' && !openapi?.startsWith('3.'))
    throw badRequest('Invalid OpenAPI input: the document must have "swagger": "2.0" or "openapi": "3.0.x"');
  const reader = new DocumentReader(document, previous);
  return reader.read();
}

class DocumentReader {
  readonly #document: Json;
  readonly #previous: ApiDefinition | undefined;
  readonly #definition: ApiDefinition;
  readonly #errors: string[] = [];
  readonly #warnings: string[] = [];
  /** Security scheme name -> what it asks for. */
  readonly #schemes = new Map<string, { authorizerId: string } | { apiKey: true } | { refused: string }>();
  readonly #validators = new Map<string, string>();

  constructor(document: Json, previous: ApiDefinition | undefined) {
    this.#document = document;
    this.#previous = previous;
    this.#definition = emptyDefinition(previous?.rootResourceId);
  }

  read(): ImportedApi {
    const document = this.#document;
    const info = objectOf(document['info']);
    const definition = this.#definition;
    const source = textOf(document['x-amazon-apigateway-api-key-source']);
    if (source === 'AUTHORIZER' || source === 'HEADER') definition.apiKeySource = source;
    else if (source !== undefined) this.#errors.push(`Invalid API key source '${source}'`);
    definition.binaryMediaTypes = listOf(document['x-amazon-apigateway-binary-media-types']).flatMap(
      (type) => textOf(type) ?? [],
    );
    this.#models();
    this.#requestValidators();
    this.#securitySchemes();
    this.#gatewayResponses();
    for (const [path, item] of Object.entries(objectOf(document['paths']))) {
      if (!path.startsWith('/')) {
        if (!path.startsWith('x-')) this.#errors.push(`Invalid path '${path}': it must begin with '/'`);
        continue;
      }
      this.#path(path, dereference(document, item));
    }
    if (this.#errors.length > 0)
      throw badRequest(`Errors found during import:\n\t${this.#errors.join('\n\t')}`);
    const policy = document['x-amazon-apigateway-policy'];
    const endpoint = objectOf(document['x-amazon-apigateway-endpoint-configuration']);
    const compression = document['x-amazon-apigateway-minimum-compression-size'];
    const title = textOf(info['title']);
    const description = textOf(info['description']);
    return {
      definition,
      ...(title !== undefined && { name: title }),
      settings: {
        ...(description !== undefined && { description }),
        ...(info['version'] !== undefined && { version: String(info['version']) }),
        ...(policy !== undefined && { policy: typeof policy === 'string' ? policy : JSON.stringify(policy) }),
        ...(typeof compression === 'number' && { minimumCompressionSize: compression }),
        ...(endpoint['disableExecuteApiEndpoint'] === true && { disableExecuteApiEndpoint: true }),
      },
      warnings: this.#warnings,
    };
  }

  /** The id that a thing of that name had before. */
  #knownId(kind: 'authorizers' | 'requestValidators' | 'models', name: string): string {
    const known = Object.values(this.#previous?.[kind] ?? {}).find((each) => each.name === name);
    return known?.id ?? newId(6);
  }

  #models(): void {
    const schemas = {
      ...objectOf(this.#document['definitions']),
      ...objectOf(objectOf(this.#document['components'])['schemas']),
    };
    for (const [name, schema] of Object.entries(schemas)) this.#addModel(name, schema);
  }

  #addModel(name: string, schema: unknown): void {
    this.#definition.models[name] = {
      id: this.#knownId('models', name),
      name,
      contentType: 'application/json',
      schema: JSON.stringify(schema),
    };
  }

  #requestValidators(): void {
    const validators = objectOf(this.#document['x-amazon-apigateway-request-validators']);
    for (const [name, value] of Object.entries(validators)) {
      const { validateRequestBody, validateRequestParameters } = objectOf(value);
      const id = this.#knownId('requestValidators', name);
      this.#validators.set(name, id);
      this.#definition.requestValidators[id] = {
        id,
        name,
        validateRequestBody: validateRequestBody === true,
        validateRequestParameters: validateRequestParameters === true,
      };
    }
  }

  #securitySchemes(): void {
    const schemes = {
      ...objectOf(this.#document['securityDefinitions']),
      ...objectOf(objectOf(this.#document['components'])['securitySchemes']),
    };
    for (const [name, value] of Object.entries(schemes)) {
      const scheme = dereference(this.#document, value);
      const type = textOf(scheme['x-amazon-apigateway-authtype']);
      if (isObject(scheme['x-amazon-apigateway-authorizer'])) {
        const authorizer = this.#authorizer(name, scheme, objectOf(scheme['x-amazon-apigateway-authorizer']));
        if (authorizer?.id === undefined) continue;
        this.#definition.authorizers[authorizer.id] = authorizer;
        this.#schemes.set(name, { authorizerId: authorizer.id });
      } else if (type !== undefined) {
        this.#schemes.set(name, { refused: `authorization by ${type}` });
      } else if (scheme['type'] === 'apiKey' && String(scheme['name']).toLowerCase() === 'x-api-key') {
        this.#schemes.set(name, { apiKey: true });
      }
    }
  }

  #authorizer(name: string, scheme: Json, source: Json): Authorizer | undefined {
    const kind = textOf(source['type']) ?? 'token';
    if (kind !== 'token' && kind !== 'request') {
      this.#schemes.set(name, { refused: `authorizers of type ${kind}` });
      return undefined;
    }
    const uri = textOf(source['authorizerUri']);
    if (!uri) {
      this.#errors.push(`Unable to create authorizer '${name}': it has no authorizerUri`);
      return undefined;
    }
    const header = textOf(scheme['name']) ?? 'Authorization';
    const identitySource =
      textOf(source['identitySource']) ?? (kind === 'token' ? `method.request.header.${header}` : undefined);
    const ttl = source['authorizerResultTtlInSeconds'];
    const credentials = textOf(source['authorizerCredentials']);
    const expression = textOf(source['identityValidationExpression']);
    return {
      id: this.#knownId('authorizers', name),
      name,
      type: kind === 'token' ? 'TOKEN' : 'REQUEST',
      authType: 'custom',
      authorizerUri: uri,
      authorizerResultTtlInSeconds: ttl === undefined ? 300 : Number(ttl),
      ...(identitySource !== undefined && { identitySource }),
      ...(credentials !== undefined && { authorizerCredentials: credentials }),
      ...(expression !== undefined && { identityValidationExpression: expression }),
    };
  }

  #gatewayResponses(): void {
    const responses = objectOf(this.#document['x-amazon-apigateway-gateway-responses']);
    for (const [type, value] of Object.entries(responses)) {
      const source = objectOf(value);
      const response: GatewayResponse = {
        responseType: type as NonNullable<GatewayResponse['responseType']>,
        responseParameters: textMap(source['responseParameters']) ?? {},
        responseTemplates: textMap(source['responseTemplates']) ?? {},
        defaultResponse: false,
      };
      if (source['statusCode'] !== undefined) response.statusCode = String(source['statusCode']);
      this.#definition.gatewayResponses[type] = response;
    }
  }

  #path(path: string, item: Json): void {
    let node = this.#definition.resources[this.#definition.rootResourceId];
    for (const part of path.split('/').slice(1)) {
      if (part === '' || !node) continue;
      const parent: string = node.id;
      const existing = Object.values(this.#definition.resources).find(
        (each) => each.parentId === parent && each.pathPart === part,
      );
      try {
        node = existing ?? this.#keepId(addResource(this.#definition, parent, part));
      } catch (error) {
        this.#errors.push(`Unable to create resource at path '${path}': ${(error as Error).message}`);
        return;
      }
    }
    if (!node) return;
    for (const verb of [...verbs, anyMethod]) {
      if (!isObject(item[verb])) continue;
      const method = verb === anyMethod ? 'ANY' : verb.toUpperCase();
      try {
        node.methods[method] = this.#method(method, objectOf(item[verb]), item);
      } catch (error) {
        this.#errors.push(
          `Unable to put method '${method}' on resource at path '${path}': ${(error as Error).message}`,
        );
      }
    }
  }

  #keepId(node: ReturnType<typeof addResource>): ReturnType<typeof addResource> {
    const known = Object.values(this.#previous?.resources ?? {}).find(({ path }) => path === node.path);
    if (!known) return node;
    const { resources } = this.#definition;
    delete resources[node.id];
    node.id = known.id;
    resources[node.id] = node;
    return node;
  }

  #method(httpMethod: string, operation: Json, item: Json): Method {
    const method: Method = { httpMethod, authorizationType: 'NONE', apiKeyRequired: false };
    const name = textOf(operation['operationId']);
    if (name !== undefined) method.operationName = name;
    this.#security(method, operation);
    this.#parameters(method, operation, item);
    const validator =
      textOf(operation['x-amazon-apigateway-request-validator']) ??
      textOf(this.#document['x-amazon-apigateway-request-validator']);
    if (validator !== undefined) {
      const id = this.#validators.get(validator);
      if (id === undefined) throw badRequest(`the request validator '${validator}' is not defined`);
      method.requestValidatorId = id;
    }
    method.methodResponses = this.#methodResponses(operation);
    const integration = operation['x-amazon-apigateway-integration'];
    if (isObject(integration))
      method.methodIntegration = integrationOf(dereference(this.#document, integration));
    return method;
  }

  #security(method: Method, operation: Json): void {
    const requirements = operation['security'] ?? this.#document['security'];
    for (const requirement of listOf(requirements)) {
      for (const [name, scopes] of Object.entries(objectOf(requirement))) {
        const scheme = this.#schemes.get(name);
        if (!scheme) throw badRequest(`the security scheme '${name}' is not one that API Gateway enforces`);
        if ('refused' in scheme) throw badRequest(`${scheme.refused} is not available in the embedded cloud`);
        if ('apiKey' in scheme) method.apiKeyRequired = true;
        else {
          method.authorizationType = 'CUSTOM';
          method.authorizerId = scheme.authorizerId;
          const texts = listOf(scopes).flatMap((scope) => textOf(scope) ?? []);
          if (texts.length > 0) method.authorizationScopes = texts;
        }
      }
    }
    const auth = textOf(objectOf(operation['x-amazon-apigateway-auth'])['type']);
    if (auth !== undefined && auth.toUpperCase() !== 'NONE')
      throw badRequest(`authorization by ${auth} is not available in the embedded cloud`);
  }

  #parameters(method: Method, operation: Json, item: Json): void {
    const parameters: Record<string, boolean> = {};
    const models: Record<string, string> = {};
    const places: Record<string, string> = { path: 'path', query: 'querystring', header: 'header' };
    // An operation's own parameters come last and replace the path's.
    for (const value of [...listOf(item['parameters']), ...listOf(operation['parameters'])]) {
      const parameter = dereference(this.#document, value);
      const place = places[String(parameter['in'])];
      if (place !== undefined)
        parameters[`method.request.${place}.${String(parameter['name'])}`] =
          parameter['required'] === true || place === 'path';
      else if (parameter['in'] === 'body')
        for (const type of this.#consumes(operation)) models[type] = this.#modelName(parameter['schema']);
    }
    const body = dereference(this.#document, operation['requestBody']);
    for (const [type, content] of Object.entries(objectOf(body['content'])))
      if (objectOf(content)['schema'] !== undefined)
        models[type] = this.#modelName(objectOf(content)['schema']);
    if (Object.keys(parameters).length > 0) method.requestParameters = parameters;
    if (Object.keys(models).length > 0) method.requestModels = models;
  }

  #consumes(operation: Json): string[] {
    const types = listOf(operation['consumes'] ?? this.#document['consumes']).flatMap(
      (each) => textOf(each) ?? [],
    );
    return types.length > 0 ? types : ['application/json'];
  }

  /** A schema that stands in the operation itself gets a model of its own. */
  #modelName(schema: unknown): string {
    const referenced = referencedName(schema);
    if (referenced !== undefined) {
      if (!this.#definition.models[referenced]) throw badRequest(`the model '${referenced}' is not defined`);
      return referenced;
    }
    const name = `MODEL${newId(6)}`;
    this.#addModel(name, schema);
    return name;
  }

  #methodResponses(operation: Json): NonNullable<Method['methodResponses']> {
    const responses: NonNullable<Method['methodResponses']> = {};
    for (const [status, value] of Object.entries(objectOf(operation['responses']))) {
      if (!/^\d{3}$/.test(status)) continue;
      const headers = Object.keys(objectOf(dereference(this.#document, value)['headers']));
      responses[status] = {
        statusCode: status,
        ...(headers.length > 0 && {
          responseParameters: Object.fromEntries(
            headers.map((name) => [`method.response.header.${name}`, false]),
          ),
        }),
      };
    }
    return responses;
  }
}

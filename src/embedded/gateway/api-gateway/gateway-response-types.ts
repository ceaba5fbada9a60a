/** API Gateway's own answers. Source: "Gateway response types for API Gateway" in the developer guide. */

export interface GatewayResponseKind {
  /** 0 for DEFAULT_4XX and DEFAULT_5XX, which leave it to the cause. */
  status: number;
  /** x-amzn-ErrorType. */
  errorType: string;
  message: string | null;
  template: string;
}

const usual = '{"message":$context.error.messageString}';
/** Refusals by policy have a capital letter. */
const capital = '{"Message":$context.error.messageString}';

const kind = (
  status: number,
  errorType: string,
  message: string | null,
  template = usual,
): GatewayResponseKind => ({ status, errorType, message, template });

export const gatewayResponseTypes: Readonly<Record<string, GatewayResponseKind>> = {
  ACCESS_DENIED: kind(
    403,
    'AccessDeniedException',
    'User is not authorized to access this resource',
    capital,
  ),
  API_CONFIGURATION_ERROR: kind(500, 'InternalServerErrorException', 'Internal server error'),
  AUTHORIZER_CONFIGURATION_ERROR: kind(500, 'AuthorizerConfigurationException', null),
  AUTHORIZER_FAILURE: kind(500, 'AuthorizerConfigurationException', null),
  BAD_REQUEST_BODY: kind(400, 'BadRequestException', 'Invalid request body'),
  BAD_REQUEST_PARAMETERS: kind(400, 'BadRequestException', 'Missing required request parameters'),
  DEFAULT_4XX: kind(0, '', null),
  DEFAULT_5XX: kind(0, '', null),
  EXPIRED_TOKEN: kind(403, 'ExpiredTokenException', 'The security token included in the request is expired'),
  INTEGRATION_FAILURE: kind(504, 'InternalServerErrorException', 'Network error communicating with endpoint'),
  INTEGRATION_TIMEOUT: kind(504, 'InternalServerErrorException', 'Endpoint request timed out'),
  INVALID_API_KEY: kind(403, 'ForbiddenException', 'Forbidden'),
  INVALID_SIGNATURE: kind(403, 'InvalidSignatureException', 'The request signature does not match'),
  MISSING_AUTHENTICATION_TOKEN: kind(
    403,
    'MissingAuthenticationTokenException',
    'Missing Authentication Token',
  ),
  QUOTA_EXCEEDED: kind(429, 'LimitExceededException', 'Limit Exceeded'),
  REQUEST_TOO_LARGE: kind(413, 'RequestTooLargeException', 'Request Too Long'),
  RESOURCE_NOT_FOUND: kind(404, 'NotFoundException', 'Not Found'),
  THROTTLED: kind(429, 'TooManyRequestsException', 'Too Many Requests'),
  UNAUTHORIZED: kind(401, 'UnauthorizedException', 'Unauthorized'),
  UNSUPPORTED_MEDIA_TYPE: kind(415, 'BadRequestException', 'Unsupported Media Type'),
  WAF_FILTERED: kind(403, 'ForbiddenException', 'Forbidden'),
};

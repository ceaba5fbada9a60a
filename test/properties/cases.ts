/** How many of 10,000 cases each property gets. What is cheap and reads the most gets the most. */
export const shares = {
  'wire: AWS JSON': 1_500,
  'wire: AWS Query': 800,
  'wire: EC2 Query': 200,
  'wire: REST-JSON': 900,
  'wire: REST-XML': 800,
  'wire: bytes that are no request': 300,
  'wire: routes of deployed APIs, pools and tasks': 300,
  'command line: any words': 500,
  'command line: flags of a command with any values': 500,
  'saas-ecs.yaml: any text': 300,
  'saas-ecs.yaml: a valid one with something changed': 500,
  'tenant API: any request': 600,
  'tenant API: order, product and user bodies': 500,
  'control plane: any request': 400,
  'authorizer: any token': 500,
  'ids: names, ids and page tokens': 400,
  'OpenAPI documents': 250,
  'CloudFormation templates': 350,
  'Amazon States Language': 200,
  buildspecs: 100,
  'IAM policies': 100,
} as const satisfies Record<string, number>;

export type PropertyName = keyof typeof shares;

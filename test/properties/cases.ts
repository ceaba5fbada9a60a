/** How many of 10,000 cases each property gets. What is cheap and reads the most gets the most. */
export const shares = {
  'wire: AWS JSON': 1_800,
  'wire: AWS Query': 900,
  'wire: EC2 Query': 200,
  'wire: REST-JSON': 700,
  'wire: REST-XML': 800,
  'wire: bytes that are no request': 300,
  'wire: routes of deployed APIs, pools and tasks': 300,
  'command line: any words': 400,
  'command line: flags of a command with any values': 400,
  'saas-ecs.yaml: any text': 300,
  'saas-ecs.yaml: a valid one with something changed': 300,
  'tenant API: any request': 400,
  'tenant API: order, product and user bodies': 500,
  'control plane: any request': 400,
  'authorizer: any token': 600,
  'ids: names, ids and page tokens': 600,
  'OpenAPI documents': 200,
  'CloudFormation templates': 300,
  'Amazon States Language': 300,
  buildspecs: 100,
  'IAM policies': 200,
} as const satisfies Record<string, number>;

export type PropertyName = keyof typeof shares;

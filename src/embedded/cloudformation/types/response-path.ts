/** Path of the endpoint below which custom resources are answered; the runtime of functions knows it too. */
export const responsePath = '/_aws/cloudformation/response/';

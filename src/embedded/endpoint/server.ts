import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Cloud } from '../platform.ts';

export interface Endpoint {
  /** http://127.0.0.1:<port> */
  url: string;
  close(): Promise<void>;
}

/** Listens on loopback and answers AWS API calls for the cloud's services. */
export async function startEndpoint(_cloud: Cloud, port: number): Promise<Endpoint> {
  const server = createServer((_request, response) => response.writeHead(501).end());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

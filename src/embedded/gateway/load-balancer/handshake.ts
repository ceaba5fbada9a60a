/**
 * The TLS handshake between whoever calls a load balancer and its listener, made for real in memory: it proves key,
 * certificate, name, dates and version. What is said after it stays in this process and crosses no wire.
 */
import { Duplex } from 'node:stream';
import { connect, TLSSocket } from 'node:tls';
import type { CertificateMaterial } from '../../platform.ts';

/** Two streams, each of which reads what the other writes. */
function pair(): [Duplex, Duplex] {
  const ends: Duplex[] = [0, 1].map(
    (side) =>
      new Duplex({
        read() {},
        write(chunk, _encoding, done) {
          ends[1 - side]?.push(chunk);
          done();
        },
        final(done) {
          ends[1 - side]?.push(null);
          done();
        },
      }),
  );
  return ends as [Duplex, Duplex];
}

/**
 * Rejects with TLS's own error when the listener can't show a certificate for `serverName`. The caller trusts what was
 * imported: its chain, or a certificate that is its own issuer.
 */
export function shakeHands(
  { certificate, privateKey, chain }: CertificateMaterial,
  serverName: string,
  least: 'TLSv1.2' | 'TLSv1.3',
): Promise<void> {
  const [near, far] = pair();
  return new Promise((resolve, reject) => {
    const listener = new TLSSocket(far, {
      isServer: true,
      key: privateKey,
      cert: chain === undefined ? certificate : `${certificate.trimEnd()}\n${chain}`,
      minVersion: least,
    });
    const caller = connect({
      socket: near,
      servername: serverName,
      ca: chain ?? certificate,
      minVersion: 'TLSv1.2',
    });
    const end = (): void => {
      caller.destroy();
      listener.destroy();
    };
    listener.once('error', () => {});
    caller.once('secureConnect', () => {
      end();
      resolve();
    });
    caller.once('error', (error) => {
      end();
      reject(error);
    });
  });
}

import { createHash, createHmac } from 'node:crypto';

export interface AwsCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string | undefined;
  /** Absent: they don't expire. */
  expiration?: Date | undefined;
}

const hash = (data: string): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest();

/**
 * Signature Version 4 for the one kind of request that this kit sends: `POST /` with a JSON body and no query.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function createSigner(service: string, region: string, host: string, contentType: string) {
  // A signing key holds for a day; deriving it takes four HMACs, a signature then one.
  const keys = new WeakMap<AwsCredentials, { day: string; key: Buffer }>();
  const keyFor = (credentials: AwsCredentials, day: string): Buffer => {
    const known = keys.get(credentials);
    if (known?.day === day) return known.key;
    const key = [region, service, 'aws4_request'].reduce(
      (parent, part) => hmac(parent, part),
      hmac(`AWS4${credentials.secretAccessKey}`, day),
    );
    keys.set(credentials, { day, key });
    return key;
  };

  return function sign(
    target: string,
    body: string,
    credentials: AwsCredentials,
    now: Date,
  ): Record<string, string> {
    const time = `${now.toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
    const day = time.slice(0, 8);
    const { sessionToken } = credentials;
    const names = `content-type;host;x-amz-date;${sessionToken ? 'x-amz-security-token;' : ''}x-amz-target`;
    const canonical =
      `POST\n/\n\ncontent-type:${contentType}\nhost:${host}\nx-amz-date:${time}\n` +
      `${sessionToken ? `x-amz-security-token:${sessionToken}\n` : ''}x-amz-target:${target}\n\n${names}\n${hash(body)}`;
    const scope = `${day}/${region}/${service}/aws4_request`;
    const signature = createHmac('sha256', keyFor(credentials, day))
      .update(`AWS4-HMAC-SHA256\n${time}\n${scope}\n${hash(canonical)}`)
      .digest('hex');
    return {
      host,
      'content-type': contentType,
      'content-length': String(Buffer.byteLength(body)),
      'x-amz-date': time,
      'x-amz-target': target,
      ...(sessionToken && { 'x-amz-security-token': sessionToken }),
      authorization: `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`,
    };
  };
}

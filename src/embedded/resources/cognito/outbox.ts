/** Mail and text messages that Cognito would send: kept, so that whoever runs the cloud can read the codes. */
import type { CodeDeliveryDetailsType, MessageTemplateType } from '@aws-sdk/client-cognito-identity-provider';
import type { Cloud, Mail } from '../../platform.ts';
import { compareText } from '../pages.ts';
import type { PoolRecord } from './pools.ts';

/** The oldest go when there are more. */
const maxMails = 20_000;

export interface Recipient {
  /** As the mail calls the user. */
  username: string;
  attributes: Readonly<Record<string, string>>;
}

export class Outbox {
  private readonly cloud: Cloud;
  /** Keys in order. */
  private keys: string[] | undefined;

  constructor(cloud: Cloud) {
    this.cloud = cloud;
  }

  private get collection() {
    return this.cloud.store.collection<Mail>('cognito.outbox');
  }

  private sorted(): string[] {
    this.keys ??= this.collection.keys().sort(compareText);
    return this.keys;
  }

  all(): Mail[] {
    return this.sorted().flatMap((key) => this.collection.get(key) ?? []);
  }

  /** Sends the invitation that a pool's AdminCreateUserConfig words. */
  invite(pool: PoolRecord, user: Recipient, password: string, byText = false): void {
    const template = pool.settings.AdminCreateUserConfig?.InviteMessageTemplate;
    const texts = {
      EmailSubject: template?.EmailSubject ?? 'Your temporary password',
      EmailMessage: template?.EmailMessage ?? 'Your username is {username} and temporary password is {####}.',
      SMSMessage: template?.SMSMessage ?? 'Your username is {username} and temporary password is {####}.',
    };
    this.deliver(pool, user, byText ? 'phone_number' : 'email', texts, password);
  }

  /** Sends a code to an attribute of the user; says where it went, masked as Cognito does. */
  sendCode(
    pool: PoolRecord,
    user: Recipient,
    attribute: 'email' | 'phone_number',
    code: string,
  ): CodeDeliveryDetailsType {
    const { settings } = pool;
    const template = settings.VerificationMessageTemplate;
    this.deliver(
      pool,
      user,
      attribute,
      {
        EmailSubject: template?.EmailSubject ?? settings.EmailVerificationSubject ?? 'Your verification code',
        EmailMessage:
          template?.EmailMessage ?? settings.EmailVerificationMessage ?? 'Your confirmation code is {####}',
        SMSMessage:
          template?.SmsMessage ?? settings.SmsVerificationMessage ?? 'Your confirmation code is {####}',
      },
      code,
    );
    return {
      Destination: masked(user.attributes[attribute] ?? ''),
      DeliveryMedium: attribute === 'email' ? 'EMAIL' : 'SMS',
      AttributeName: attribute,
    };
  }

  private deliver(
    pool: PoolRecord,
    user: Recipient,
    attribute: 'email' | 'phone_number',
    texts: Required<MessageTemplateType>,
    secret: string,
  ): void {
    const to = user.attributes[attribute];
    if (to === undefined) return;
    const text = (attribute === 'email' ? texts.EmailMessage : texts.SMSMessage) ?? '';
    const fill = (from: string): string =>
      // By functions: a password may hold what replaceAll takes for a pattern, such as $&.
      from.replaceAll('{username}', () => user.username).replaceAll('{####}', () => secret);
    const keys = this.sorted();
    const key = String(Number(keys.at(-1) ?? 0) + 1).padStart(12, '0');
    this.collection.put(key, {
      at: new Date(this.cloud.clock.now()).toISOString(),
      to,
      subject: attribute === 'email' ? fill(texts.EmailSubject ?? '') : 'SMS',
      body: fill(text),
      userPoolId: pool.id,
      secret,
    });
    keys.push(key);
    while (keys.length > maxMails) this.collection.delete(keys.shift() ?? '');
  }
}

/** `j***@e***`, `+*******1234` */
export function masked(destination: string): string {
  const [name = '', domain] = destination.split('@');
  return domain === undefined
    ? `+${'*'.repeat(7)}${destination.slice(-4)}`
    : `${name.slice(0, 1)}***@${domain.slice(0, 1)}***`;
}

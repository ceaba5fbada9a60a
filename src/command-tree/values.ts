/** Values of flags, read from their text. Each throws InvalidArgumentError with what it must be. */
import { InvalidArgumentError } from 'commander';
import { type QuotaPeriod, quotaPeriods } from '../model/tier.ts';

export const whole = (text: string): number => {
  if (!/^[1-9][0-9]*$/.test(text)) throw new InvalidArgumentError('it must be a whole number above 0');
  return Number(text);
};

export const port = (text: string): number => {
  const value = whole(text);
  if (value > 65_535) throw new InvalidArgumentError('a port is 65535 at most');
  return value;
};

export const quota = (text: string): { limit: number; period: QuotaPeriod } => {
  const [, limit, period] = /^([1-9][0-9]*)\/(\w+)$/.exec(text) ?? [];
  if (limit === undefined || !quotaPeriods.includes(period as QuotaPeriod))
    throw new InvalidArgumentError(
      'a quota is a number and a period, e.g. 1000/day, 5000/week or 20000/month',
    );
  return { limit: Number(limit), period: period as QuotaPeriod };
};

/** A one-time code (RFC 6238). */
export const code = (text: string): string => {
  if (!/^[0-9]{6}$/.test(text)) throw new InvalidArgumentError('a code has six digits');
  return text;
};

export const list = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean);

/** Gives milliseconds, of `90s`, `10m` or `1h30m`. */
export const wait = (text: string): number => {
  const [, hours = 0, minutes = 0, seconds = 0] = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(text) ?? [];
  const ms = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000;
  if (ms === 0 || ms > longestTimerMs)
    throw new InvalidArgumentError('a duration is e.g. 90s, 10m or 1h30m, and 24 days at most');
  return ms;
};

/** A day (UTC) or time in ISO 8601, or so long ago: `12h`, `7d`. */
export const since = (text: string): Date => {
  const [, count, unit] = /^([1-9]\d{0,5})([hd])$/.exec(text) ?? [];
  if (count !== undefined)
    return new Date(Date.now() - Number(count) * (unit === 'h' ? 3_600_000 : 86_400_000));
  const date = new Date(/^\d{4}-\d\d-\d\d(T[\d:.]+Z)?$/.test(text) ? text : Number.NaN);
  // JavaScript reads the 30th of February as a day in March.
  if (Number.isNaN(date.getTime()) || !date.toISOString().startsWith(text.slice(0, 10)))
    throw new InvalidArgumentError('it is a day such as 2026-01-31, or so long ago: 12h, 7d');
  return date;
};

/** SHA-256 in hex. */
export const sha256 = (text: string): string => {
  if (!/^[0-9a-f]{64}$/.test(text)) throw new InvalidArgumentError('a hash has 64 hexadecimal digits');
  return text;
};

/** A timer of Node.js that is to wait longer fires at once. */
const longestTimerMs = 2 ** 31 - 1;

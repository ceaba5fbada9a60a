/** Schedule expressions: `rate(5 minutes)`, `cron(0 12 ? * MON-FRI *)`; times are UTC. */
import { AwsError } from '../../platform.ts';

const minute = 60_000;
const units: Record<string, number> = { minute, hour: 60 * minute, day: 1440 * minute };
const months = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const weekdays = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];
const lastYear = 2199;

/** When it runs next after `now`; undefined for never again. All in milliseconds. */
export type Schedule = (now: number) => number | undefined;

const invalid = (): AwsError =>
  new AwsError('ValidationException', 'Parameter ScheduleExpression is not valid.');

/** `since` is when a rate begins to count. Throws AwsError ValidationException. */
export function parseSchedule(expression: string, since: number): Schedule {
  const rate = /^rate\((\d+) (minute|hour|day)(s?)\)$/.exec(expression);
  if (rate) {
    const count = Number(rate[1]);
    if (count < 1 || (count === 1) !== (rate[3] === '')) throw invalid();
    const period = count * (units[rate[2] ?? ''] ?? minute);
    return (now) => since + (Math.floor(Math.max(0, now - since) / period) + 1) * period;
  }
  const cron = /^cron\((.+)\)$/.exec(expression);
  if (!cron) throw invalid();
  return parseCron((cron[1] ?? '').trim().split(/\s+/));
}

function parseCron(fields: readonly string[]): Schedule {
  const [
    minuteField = '',
    hourField = '',
    dayField = '',
    monthField = '',
    weekdayField = '',
    yearField = '',
  ] = fields;
  // Exactly one of the two kinds of day is left open.
  if (fields.length !== 6 || (dayField === '?') === (weekdayField === '?')) throw invalid();
  const minutes = numbers(minuteField, 0, 59);
  const hours = numbers(hourField, 0, 23);
  const monthNumbers = new Set(numbers(monthField, 1, 12, months));
  const years = new Set(numbers(yearField, 1970, lastYear));
  const days = dayField === '?' ? undefined : dayOfMonth(dayField);
  const week = weekdayField === '?' ? undefined : dayOfWeek(weekdayField);

  const onDay = (date: Date): boolean =>
    years.has(date.getUTCFullYear()) &&
    monthNumbers.has(date.getUTCMonth() + 1) &&
    (days ? days(date) : (week?.(date) ?? true));
  return (now) => {
    const date = new Date(now);
    date.setUTCHours(0, 0, 0, 0);
    // Four years hold every date; beyond them only a later year is worth waiting for.
    for (let searched = 0; searched < 366 * 9; searched += 1) {
      if (onDay(date)) {
        for (const hour of hours) {
          for (const each of minutes) {
            const time = date.getTime() + (hour * 60 + each) * minute;
            if (time > now) return time;
          }
        }
      }
      date.setUTCDate(date.getUTCDate() + 1);
    }
    return undefined;
  };
}

/** `*`, `5`, `1,2`, `1-5`, `MON-FRI`, `0/15`, and lists of those, in order. */
function numbers(field: string, min: number, max: number, names: readonly string[] = []): number[] {
  const one = (text: string): number => {
    const named = names.indexOf(text.toUpperCase());
    const value = named >= 0 ? named + min : Number(text);
    if (!/^\w+$/.test(text) || !Number.isInteger(value) || value < min || value > max) throw invalid();
    return value;
  };
  const found = new Set<number>();
  for (const part of field.split(',')) {
    const [range = '', step] = part.split('/');
    const [from = '', to] = range.split('-');
    const start = range === '*' ? min : one(from);
    const end =
      range === '*' || (step !== undefined && to === undefined) ? max : to === undefined ? start : one(to);
    const by = step === undefined ? 1 : Number(step);
    if (!Number.isInteger(by) || by < 1 || end < start) throw invalid();
    for (let value = start; value <= end; value += by) found.add(value);
  }
  return [...found].sort((left, right) => left - right);
}

const lastDay = (date: Date): number =>
  new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();

/** Further to numbers: `L`, the last day, and `15W`, the weekday nearest to the 15th. */
function dayOfMonth(field: string): (date: Date) => boolean {
  if (field === 'L') return (date) => date.getUTCDate() === lastDay(date);
  const nearest = /^(\d{1,2})W$/.exec(field);
  if (nearest) {
    const wanted = Number(nearest[1]);
    if (wanted < 1 || wanted > 31) throw invalid();
    return (date) => {
      const last = lastDay(date);
      const target = Math.min(wanted, last);
      const day = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), target)).getUTCDay();
      // Within the month: a Saturday the 1st goes to Monday the 3rd.
      const shift = day === 6 ? (target === 1 ? 2 : -1) : day === 0 ? (target === last ? -2 : 1) : 0;
      return date.getUTCDate() === target + shift;
    };
  }
  const days = new Set(numbers(field, 1, 31));
  return (date) => days.has(date.getUTCDate());
}

/** Further to numbers (1 is Sunday): `6L`, the last Friday, and `6#3`, the third. */
function dayOfWeek(field: string): (date: Date) => boolean {
  const special = /^(\w+?)(?:L|#([1-5]))$/.exec(field);
  if (special && (field.endsWith('L') || special[2])) {
    const [weekday = 0] = field === 'L' ? [7] : numbers(special[1] ?? '', 1, 7, weekdays);
    const nth = special[2] === undefined ? undefined : Number(special[2]);
    return (date) =>
      date.getUTCDay() === weekday - 1 &&
      (nth === undefined ? date.getUTCDate() > lastDay(date) - 7 : Math.ceil(date.getUTCDate() / 7) === nth);
  }
  const days = new Set(numbers(field, 1, 7, weekdays));
  return (date) => days.has(date.getUTCDay() + 1);
}

/** One scenario of SDK calls on two endpoints, and how their answers differ. */
import { setTimeout as delay } from 'node:timers/promises';

/**
 * A step of a scenario: `[operation, input, options]`. `input` may be a function of what earlier steps saved on the
 * same endpoint. Options: `save(answer, saved)`; `until(answer)`, asked again until it holds; `as`, the row's name.
 * With `exact` nothing of an answer is masked, and an error's words count.
 */
export async function play(service, { Client, module, steps, client: more, exact = false }, endpoint) {
  const client = new Client({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'conformance', secretAccessKey: 'conformance' },
    maxAttempts: 1,
    requestHandler: { requestTimeout: 20_000 },
    ...more,
  });
  const saved = {};
  const known = new Set();
  const rows = [];
  for (const [operation, given, options = {}] of steps) {
    const name = options.as ?? `${service} ${operation}`;
    let input = given;
    try {
      if (typeof given === 'function') input = given(saved);
    } catch {
      rows.push({ name, outcome: 'an earlier step failed', answer: new Map() });
      continue;
    }
    remember(input, known, new Set(Object.values(saved)));
    const call = () => client.send(new module[`${operation}Command`](structuredClone(input)));
    try {
      let answer = await call();
      for (let turn = 0; options.until && !options.until(answer) && turn < 300; turn++) {
        await delay(100);
        answer = await call();
      }
      if (answer.Body?.transformToString) answer.Body = await answer.Body.transformToString();
      options.save?.(answer, saved);
      const { $metadata, ...members } = answer;
      const lines = exact ? new Map(Object.entries(members).map(exactly)) : flatten(members, known);
      rows.push({ name, outcome: 'ok', answer: lines });
    } catch (error) {
      const status = error.$metadata?.httpStatusCode;
      const { message, CancellationReasons } = error;
      const answer = exact
        ? new Map(Object.entries({ message, CancellationReasons }).map(exactly))
        : new Map();
      rows.push({ name, outcome: error.name, status, message, answer });
    }
  }
  client.destroy();
  return rows;
}

/** A member of an answer as one line of JSON, members in order. */
const exactly = ([name, value]) => [name, [JSON.stringify(value, plainly)]];
const plainly = (_name, value) => {
  if (value instanceof Uint8Array || value?.type === 'Buffer') return Buffer.from(value).toString('base64');
  if (value && typeof value === 'object' && !Array.isArray(value))
    return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return value;
};

/** Texts of an input: an answer that repeats them must do so exactly. Ids that the endpoint chose are none of them. */
function remember(value, known, made) {
  if (typeof value === 'string' && !made.has(value)) known.add(value);
  else if (value && typeof value === 'object' && !(value instanceof Uint8Array))
    for (const member of Object.values(value)) remember(member, known, made);
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * An answer as lines `member.member[]` -> values. Texts that neither the caller chose nor are words of the API's (ids,
 * dates, ARNs, prose) are masked, numbers that measure too.
 */
function flatten(value, known, at = '', lines = new Map()) {
  const put = (shown) => lines.set(at, [...(lines.get(at) ?? []), shown]);
  if (value === undefined || value === null) return lines;
  if (value instanceof Date) put('<date>');
  else if (value instanceof Uint8Array) put('<bytes>');
  else if (Array.isArray(value)) for (const entry of value) flatten(entry, known, `${at}[]`, lines);
  else if (typeof value === 'object')
    for (const key of Object.keys(value).toSorted())
      flatten(value[key], known, `${at && `${at}.`}${key.replace(uuid, '<id>')}`, lines);
  else if (typeof value === 'string')
    put(known.has(value) || /^(?!AROA)[A-Z][A-Z_]+$/.test(value) || value === '' ? value : '<text>');
  else if (typeof value === 'number' && value > 1_000_000) put('<number>');
  else put(String(value));
  return lines;
}

/** What differs, a line each; undefined when nothing does. */
export function differences(ours, theirs, [we, they]) {
  if (ours.outcome !== theirs.outcome) {
    const told = ({ outcome, message }) => (message ? `${outcome} (${message.slice(0, 160)})` : outcome);
    return [`${we}: ${told(ours)}; ${they}: ${told(theirs)}`];
  }
  const members = [...new Set([...ours.answer.keys(), ...theirs.answer.keys()])].toSorted();
  return members.flatMap((member) => {
    const [mine, other] = [ours.answer.get(member), theirs.answer.get(member)];
    if (!other) return [`${member}: only ${we} has it (${mine.slice(0, 3).join(', ')})`];
    if (!mine) return [`${member}: only ${they} has it (${other.slice(0, 3).join(', ')})`];
    const text = (shown) => (member.includes('<id>') ? shown.toSorted() : shown).join();
    return text(mine) === text(other)
      ? []
      : [`${member}: ${we} ${mine.join(', ')}; ${they} ${other.join(', ')}`];
  });
}

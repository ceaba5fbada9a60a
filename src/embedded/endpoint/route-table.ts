/** Finds the REST operation that a method, path and query mean, by the templates in the schemas. */
import { membersOf, type OperationShape, requiredMembers } from './shape.ts';
import type { WireRequest } from './wire.ts';

interface Segment {
  /** A literal, or the name of a label. */
  text: string;
  label: boolean;
  greedy: boolean;
}

interface RestRoute {
  shape: OperationShape;
  method: string;
  segments: readonly Segment[];
  /** Query literals of the template; `x-id` is a hint that not every client sends. */
  literals: readonly (readonly [key: string, value: string])[];
  requiredQuery: readonly string[];
  requiredHeaders: readonly string[];
  /** Every query parameter that the operation knows. */
  knownQuery: ReadonlySet<string>;
}

export interface RestMatch {
  shape: OperationShape;
  labels: Record<string, string>;
}

const hint = 'x-id';

function segmentsOf(path: string): Segment[] {
  return path
    .split('/')
    .filter(Boolean)
    .map((part) => {
      const label = /^\{(\w+)(\+?)\}$/.exec(part);
      return label
        ? { text: label[1] ?? '', label: true, greedy: label[2] === '+' }
        : { text: part, label: false, greedy: false };
    });
}

function routeOf(shape: OperationShape): RestRoute | undefined {
  if (!shape.http) return undefined;
  const [method, template] = shape.http;
  const [path = '/', search = ''] = template.split('?');
  const segments = segmentsOf(path);
  const required = new Set(requiredMembers(shape.input));
  const requiredQuery: string[] = [];
  const requiredHeaders: string[] = [];
  const knownQuery = new Set<string>([hint]);
  for (const [name, member] of membersOf(shape.input)) {
    const traits = member.getMergedTraits() as {
      httpLabel?: unknown;
      httpQuery?: string;
      httpHeader?: string;
    };
    if (traits.httpQuery) {
      knownQuery.add(traits.httpQuery);
      if (required.has(name)) requiredQuery.push(traits.httpQuery);
    }
    if (traits.httpHeader && required.has(name)) requiredHeaders.push(traits.httpHeader.toLowerCase());
    // S3's templates leave the bucket to the host name; in path style it comes first.
    if (traits.httpLabel && !segments.some((segment) => segment.label && segment.text === name)) {
      segments.unshift({ text: name, label: true, greedy: false });
    }
  }
  const literals = [...new URLSearchParams(search)];
  for (const [key] of literals) knownQuery.add(key);
  return { shape, method, segments, literals, requiredQuery, requiredHeaders, knownQuery };
}

function labelsOf(
  segments: readonly Segment[],
  parts: readonly string[],
): Record<string, string> | undefined {
  const labels: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    const part = parts[index];
    if (part === undefined || (part === '' && !segment.greedy)) return undefined;
    if (segment.greedy) {
      const rest = decode(parts.slice(index).join('/'));
      if (rest === undefined || rest === '') return undefined;
      labels[segment.text] = rest;
      return labels;
    }
    const text = decode(part);
    if (text === undefined) return undefined;
    if (segment.label) labels[segment.text] = text;
    else if (text !== segment.text) return undefined;
  }
  // One trailing slash is no further segment: `/bucket/` is the bucket.
  const left = parts.slice(segments.length);
  return left.length === 0 || (left.length === 1 && left[0] === '') ? labels : undefined;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

export class RouteTable {
  readonly #routes: readonly RestRoute[];

  constructor(shapes: readonly OperationShape[]) {
    this.#routes = shapes.flatMap((shape) => routeOf(shape) ?? []);
  }

  /** The most specific operation that fits: the one with the most literals and required parameters. */
  match(request: Pick<WireRequest, 'method' | 'path' | 'query' | 'headers'>): RestMatch | undefined {
    const parts = request.path.replace(/^\//, '').split('/');
    let best: (RestMatch & { score: number }) | undefined;
    for (const route of this.#routes) {
      if (route.method !== request.method) continue;
      const score = scoreOf(route, request);
      if (score === undefined || (best && score <= best.score)) continue;
      const labels = labelsOf(route.segments, parts.length === 1 && parts[0] === '' ? [] : parts);
      if (labels) best = { shape: route.shape, labels, score };
    }
    return best && { shape: best.shape, labels: best.labels };
  }
}

function scoreOf(route: RestRoute, request: Pick<WireRequest, 'query' | 'headers'>): number | undefined {
  let score = 0;
  for (const [key, value] of route.literals) {
    if (key === hint) {
      const given = request.query.get(hint);
      if (given !== null && given !== value) return undefined;
      continue;
    }
    if (request.query.get(key) !== value) return undefined;
    score += 10;
  }
  for (const key of route.requiredQuery) {
    if (!request.query.has(key)) return undefined;
    score += 10;
  }
  for (const key of route.requiredHeaders) {
    if (request.headers[key] === undefined) return undefined;
    score += 10;
  }
  // `?acl` names a subresource: an operation that does not know the word is not the one that is meant.
  for (const [key, value] of request.query) {
    if (value === '' && !route.knownQuery.has(key)) return undefined;
  }
  // Literal path segments beat labels (`/restapis/import` and `/restapis/{id}`).
  return score + route.segments.filter((segment) => !segment.label).length;
}

/** Figures on a machine that does other things too differ by so much from one run to the next. */
const noise = 0.1;

/** One line of the table. `bar`: `{ atMost }`, `{ atLeast }`, or nothing for a figure that only informs. */
export function row(what, figure, unit, bar = {}) {
  const { atMost, atLeast } = bar;
  const limit = atMost ?? atLeast;
  if (limit === undefined) return { what, figure, unit };
  const over = atMost === undefined ? limit / figure : figure / limit;
  // NaN is no figure, so it misses every bar.
  const verdict = over <= 1 ? 'holds' : over <= 1 + noise ? 'within noise' : 'MISSED';
  return { what, figure, unit, bar: `${atMost === undefined ? '>=' : '<='} ${limit}`, verdict };
}

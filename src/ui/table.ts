import { stripVTControlCharacters } from 'node:util';
import type { ChalkInstance } from 'chalk';

export interface Column<Row> {
  title: string;
  value: (row: Row) => string;
  align?: 'left' | 'right';
}

const width = (text: string): number => [...stripVTControlCharacters(text)].length;

/** Rows under headings, two spaces between columns, no lines: easy to read and to cut with other tools. */
export function table<Row>(
  colors: ChalkInstance,
  rows: readonly Row[],
  columns: readonly Column<Row>[],
): string {
  const cells = rows.map((row) => columns.map((column) => column.value(row)));
  const widths = columns.map((column, index) =>
    Math.max(width(column.title), ...cells.map((line) => width(line[index] ?? ''))),
  );
  const line = (values: readonly string[], style: (text: string) => string = (text) => text): string =>
    values
      .map((value, index) => {
        const space = ' '.repeat((widths[index] ?? 0) - width(value));
        if (columns[index]?.align === 'right') return space + style(value);
        return index === values.length - 1 ? style(value) : style(value) + space;
      })
      .join('  ');
  return [
    line(
      columns.map((column) => column.title),
      colors.dim,
    ),
    ...cells.map((values) => line(values)),
  ].join('\n');
}

/** Facts under one another, names dimmed: for one thing in detail. */
export function facts(colors: ChalkInstance, entries: readonly (readonly [string, string])[]): string {
  const longest = Math.max(...entries.map(([name]) => name.length));
  return entries
    .map(
      ([name, value]) =>
        `${colors.dim(name.padEnd(longest))}  ${value.replaceAll('\n', `\n${' '.repeat(longest + 2)}`)}`,
    )
    .join('\n');
}

/** 950 -> `950 ms`, 12345 -> `12.3 s`, 90000 -> `1 min 30 s`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1_000)} s`;
}

/** At most `columns` wide; what is cut off leaves an ellipsis. */
export const clipped = (text: string, columns: number): string =>
  text.length <= columns ? text : `${text.slice(0, Math.max(columns - 1, 0)).trimEnd()}…`;

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`;

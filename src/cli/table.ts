import type { Io } from './io.ts';
import { cut, plain } from './plain.ts';

/** A column of a table. */
export interface Column<Row> {
  readonly title: string;
  readonly of: (row: Row) => string;
  /** Whether it stands at the right end of its column, as numbers do. */
  readonly isNumber?: boolean;
}

const GAP = '  ';
const SHORTEST = 10;

/** Rows in columns. On a terminal the last column is cut to its width. */
export const tableOf = <Row>(
  { outIsTerminal, columns: width, hasColour }: Pick<Io, 'outIsTerminal' | 'columns' | 'hasColour'>,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
): string => {
  const cells = rows.map((row) => columns.map(({ of }) => plain(of(row))));
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...cells.map((row) => row[index]?.length ?? 0)),
  );
  const before = widths.slice(0, -1).reduce((sum, each) => sum + each + GAP.length, 0);
  const lastWidth = outIsTerminal ? Math.max(SHORTEST, width - before) : Number.POSITIVE_INFINITY;
  const lineOf = (texts: readonly string[]): string => {
    const parts = texts.map((text, index) => {
      if (index === columns.length - 1) return cut(text, lastWidth);
      const size = widths[index] ?? 0;
      return columns[index]?.isNumber ? text.padStart(size) : text.padEnd(size);
    });
    return parts.join(GAP).trimEnd();
  };
  const head = lineOf(columns.map(({ title }) => title));
  return [hasColour ? `\u001b[1m${head}\u001b[22m` : head, ...cells.map(lineOf)].map((text) => `${text}\n`).join('');
};

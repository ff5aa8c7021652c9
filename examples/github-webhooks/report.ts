/** The lines of a table with a label and a number in each row. */
export const table = (rows: Readonly<Record<string, number>>): string => {
  const entries = Object.entries(rows);
  const width = Math.max(...entries.map(([label]) => label.length));
  return entries.map(([label, value]) => `  ${label.padEnd(width)}  ${String(value).padStart(6)}`).join('\n');
};

/** A bar chart of the most frequent names. */
export const barChart = (names: readonly string[], limit: number): string => {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  const top = [...counts].sort(([, a], [, b]) => b - a).slice(0, limit);
  const width = Math.max(...top.map(([name]) => name.length));
  return top.map(([name, count]) => `  ${name.padEnd(width)}  ${'█'.repeat(count)} ${count}`).join('\n');
};

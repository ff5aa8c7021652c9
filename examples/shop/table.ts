import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A table with a unique key, for any number of processes: each row is a file. */
export const createTable = <Row>(folder: string) => {
  mkdirSync(folder, { recursive: true });
  const read = (file: string): { insertedAt: string; row: Row } => JSON.parse(readFileSync(join(folder, file), 'utf8'));

  /** Inserts a row. Returns false if there is one with this key already. */
  const insert = (key: string, row: Row): boolean => {
    // The clock of the machine, which all processes share, in nanoseconds.
    const insertedAt = String(process.hrtime.bigint());
    // Written beside the table first: another process must not read half a row.
    const file = `${folder}-${crypto.randomUUID()}`;
    writeFileSync(file, JSON.stringify({ insertedAt, row }));
    try {
      linkSync(file, join(folder, encodeURIComponent(key)));
      return true;
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
      throw error;
    } finally {
      rmSync(file);
    }
  };
  const keys = (): string[] => readdirSync(folder).map(decodeURIComponent);
  const count = (): number => readdirSync(folder).length;
  /** In the order in which they were inserted. */
  const rows = (): Row[] =>
    readdirSync(folder)
      .map(read)
      .sort((a, b) => Number(BigInt(a.insertedAt) - BigInt(b.insertedAt)))
      .map(({ row }) => row);
  const entries = (): [key: string, row: Row][] =>
    readdirSync(folder).map((file) => [decodeURIComponent(file), read(file).row]);
  return { insert, keys, count, rows, entries };
};

import type { Connection, StoredConsumer } from '../transport/index.ts';
import type { Io } from './io.ts';
import { plain } from './plain.ts';

/** `undefined` where they cannot be listed: who may list letters may not always list consumers. */
const consumersOf = async ({ operator }: Connection): Promise<readonly StoredConsumer[] | undefined> => {
  try {
    return await operator?.consumers();
  } catch {
    return undefined;
  }
};

/** Tells of a name that may be a typing error, where no letter was found. */
export const hintAtNames = async (io: Io, connection: Connection, consumer: string | undefined): Promise<void> => {
  const known = await consumersOf(connection);
  if (!known) return;
  if (known.length === 0) io.err('The broker knows no consumer of this service. Is the name of the service right?\n');
  else if (consumer !== undefined && !known.some((each) => each.consumer === consumer))
    io.err(`The broker knows no consumer ${plain(JSON.stringify(consumer))} of this service. Is the name right?\n`);
};

/** Tells which of these consumers no process runs: events that were redriven wait for them. */
export const hintAtOrphans = async (io: Io, connection: Connection, consumers: ReadonlySet<string>): Promise<void> => {
  if (consumers.size === 0) return;
  for (const { consumer, isRun } of (await consumersOf(connection)) ?? [])
    if (!isRun && consumers.has(consumer))
      io.err(`No process runs the consumer ${plain(consumer)} now. Its events wait until one does.\n`);
};

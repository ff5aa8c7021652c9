import type { Connection, StoredConsumer } from '../transport/index.ts';
import { codeOfStop, EXIT } from './exit-codes.ts';
import { failedError } from './failure.ts';
import { document, type Io, line } from './io.ts';
import { operatorOf } from './open.ts';
import { count, countOf, time } from './plain.ts';
import { type Column, tableOf } from './table.ts';

/** In one word: an orphan gets events, and no process runs it. */
const stateOf = ({ isRun, inForce }: StoredConsumer): 'running' | 'orphan' | 'left behind' =>
  isRun ? 'running' : inForce ? 'orphan' : 'left behind';

const numberOf = (number: number | undefined): string => (number === undefined ? '?' : count(number));

const COLUMNS: readonly Column<StoredConsumer>[] = [
  { title: 'CONSUMER', of: ({ consumer }) => consumer },
  { title: 'STATE', of: stateOf },
  { title: 'PROCESSES', of: ({ processes }) => numberOf(processes), isNumber: true },
  { title: 'WAITING', of: ({ waiting }) => numberOf(waiting), isNumber: true },
  { title: 'LAST SEEN', of: ({ lastSeenAt }) => time(lastSeenAt) },
  { title: 'EVENTS', of: ({ names }) => names?.join(', ') ?? '?' },
];

export interface ConsumersOptions {
  readonly orphans: boolean;
  readonly json: boolean;
}

export const listConsumers = async (
  io: Io,
  connection: Connection,
  { orphans, json }: ConsumersOptions,
): Promise<number> => {
  const all = await operatorOf(connection).consumers();
  const stop = codeOfStop(io.stopped);
  if (stop !== undefined) return stop;
  const shown = orphans ? all.filter(({ isRun }) => !isRun) : all;
  if (json) await document(io, { consumers: shown.map((consumer) => ({ ...consumer, state: stateOf(consumer) })) });
  else if (shown.length === 0) io.err(orphans ? 'No orphans.\n' : 'No consumers.\n');
  else await io.out(tableOf(io, COLUMNS, shown));
  return EXIT.done;
};

export interface RemoveOptions {
  readonly dryRun: boolean;
  readonly json: boolean;
}

export const removeConsumer = async (
  io: Io,
  connection: Connection,
  name: string,
  { dryRun, json }: RemoveOptions,
): Promise<number> => {
  const operator = operatorOf(connection);
  const found = (await operator.consumers()).find(({ consumer }) => consumer === name);
  if (!found) throw failedError(`There is no consumer ${JSON.stringify(name)}`);
  if (found.isRun) throw failedError(`A process runs the consumer ${name}. Nothing was done`);
  const stop = codeOfStop(io.stopped);
  if (stop !== undefined) return stop;
  const { waiting } = found;
  const events = waiting === undefined ? 'an unknown number of waiting events' : countOf(waiting, 'waiting event');
  if (!dryRun && !(await operator.remove(name))) throw failedError(`The consumer ${name} is gone already`);
  if (json) await document(io, { dryRun, removed: dryRun ? undefined : name, waiting });
  else if (dryRun) await line(io, `Would remove the consumer ${name} with ${events}. Nothing was done.`);
  else await line(io, `Removed: the consumer ${name} with ${events}. Its dead letters are kept.`);
  return EXIT.done;
};

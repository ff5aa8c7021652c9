import { createDeadLetters } from '../service/dead-letters.ts';
import type { DeadLetter, DeadLetters } from '../service/types.ts';
import type { Connection } from '../transport/index.ts';
import { type CarriedOut, carryOut } from './carry-out.ts';
import { hintAtNames, hintAtOrphans } from './consumer-hints.ts';
import { codeOfStop, EXIT } from './exit-codes.ts';
import { failedError, isBadCursor, usageError } from './failure.ts';
import type { LetterFilter } from './filter.ts';
import { findByRefs, findLetters } from './find-letters.ts';
import { document, type Io, line } from './io.ts';
import { countOf, plain, time, toJson } from './plain.ts';
import { createProgress } from './progress.ts';
import { type Column, tableOf } from './table.ts';

const COLUMNS: readonly Column<DeadLetter>[] = [
  { title: 'REF', of: ({ ref }) => ref },
  { title: 'CONSUMER', of: ({ consumer }) => consumer },
  { title: 'EVENT', of: ({ event }) => event?.name ?? '-' },
  { title: 'REASON', of: ({ reason }) => reason },
  { title: 'ATTEMPT', of: ({ attempt }) => String(attempt), isNumber: true },
  { title: 'DIED', of: ({ diedAt }) => time(diedAt) },
  { title: 'ERROR', of: ({ error: { name, message } }) => `${name}: ${message}` },
];

const textOf = (body: string | Uint8Array): string =>
  typeof body === 'string' ? body : new TextDecoder().decode(body);

const briefOf = ({ ref, consumer, reason, attempt, error, diedAt, event }: DeadLetter) => ({
  ref,
  consumer,
  event: event?.name,
  eventId: event?.id,
  reason,
  attempt,
  error,
  diedAt,
});

/** All of a letter, for programs. The fields of a list mean the same here. */
const wholeOf = (letter: DeadLetter) => ({
  ...briefOf(letter),
  source: letter.event?.source,
  occurredAt: letter.event?.occurredAt,
  metadata: letter.event?.metadata,
  payload: letter.event?.payload,
  body: textOf(letter.body),
});

const lettersOf = (connection: Connection): DeadLetters => {
  if (!connection.features.keepsDeadLetters) throw failedError('This transport keeps no dead letters');
  return createDeadLetters(connection);
};

const searchOf = (io: Io, connection: Connection) => ({
  letters: lettersOf(connection),
  progress: createProgress(io),
  stopped: io.stopped,
});

export interface ListOptions {
  readonly filter: LetterFilter;
  readonly limit: number;
  readonly after: string | undefined;
  readonly json: boolean;
}

export const listLetters = async (io: Io, connection: Connection, options: ListOptions): Promise<number> => {
  const { filter, limit, after, json } = options;
  const search = { ...searchOf(io, connection), after };
  const { letters, next } = await findLetters(search, filter, limit).catch((error: unknown) => {
    throw isBadCursor(error)
      ? usageError(`--after: expected what the page before has told, got ${JSON.stringify(after)}`)
      : error;
  });
  search.progress.clear();
  const stop = codeOfStop(io.stopped);
  if (stop !== undefined) return stop;
  if (json) await document(io, { letters: letters.map(briefOf), next });
  else if (letters.length > 0) await io.out(tableOf(io, COLUMNS, letters));
  if (letters.length === 0) {
    if (!json) io.err('No dead letters.\n');
    await hintAtNames(io, connection, filter.consumer);
  }
  if (next !== undefined && !json) io.err(`There may be more: --after ${next}\n`);
  return EXIT.done;
};

const missingOf = (refs: readonly string[], found: readonly DeadLetter[]): string[] => {
  const known = new Set(found.map(({ ref }) => ref));
  return refs.filter((ref) => !known.has(ref));
};

export interface ShowOptions {
  readonly json: boolean;
  readonly body: boolean;
}

const payloadOf = (letter: DeadLetter): string =>
  letter.event ? (toJson(letter.event.payload, 2) ?? 'none') : plain(textOf(letter.body));

/** All of a letter, for people. The payload is JSON, which has no control characters in it. */
const described = (letter: DeadLetter): string => {
  const { ref, consumer, reason, attempt, error, diedAt, event } = letter;
  const fields: readonly (readonly [string, string])[] = [
    ['ref', ref],
    ['consumer', consumer],
    ['reason', reason],
    ['attempt', String(attempt)],
    ['died', time(diedAt)],
    ['error', `${error.name}: ${error.message}`],
    ['event', event?.name ?? 'cannot be read'],
    ['event id', event?.id ?? '-'],
    ['source', event?.source ?? '-'],
    ['occurred', time(event?.occurredAt)],
    ['metadata', event ? JSON.stringify(event.metadata) : '-'],
  ];
  const lines = fields.map(([name, text]) => `${name.padEnd(9)} ${plain(text)}`);
  return [...lines, letter.event ? 'payload' : 'body', payloadOf(letter)].join('\n');
};

export const showLetter = async (
  io: Io,
  connection: Connection,
  ref: string,
  { json, body }: ShowOptions,
): Promise<number> => {
  const search = searchOf(io, connection);
  const [letter] = await findByRefs(search, [ref]);
  search.progress.clear();
  const stop = codeOfStop(io.stopped);
  if (stop !== undefined) return stop;
  if (!letter) {
    const hint = 'If it is the id of an event, find its letters by: dead-letters list --event-id';
    throw failedError(`There is no dead letter ${JSON.stringify(ref)}. ${hint} ${ref}`);
  }
  if (body) await io.out(letter.body);
  else if (json) await document(io, wholeOf(letter));
  else await line(io, described(letter));
  return EXIT.done;
};

export interface ChangeOptions {
  readonly refs: readonly string[];
  readonly filter: LetterFilter;
  readonly all: boolean;
  readonly limit: number | undefined;
  readonly dryRun: boolean;
  readonly json: boolean;
}

export interface Change {
  readonly verb: 'redrive' | 'discard';
  /** As in "Redriven". */
  readonly participle: 'Redriven' | 'Discarded';
}

export const REDRIVE: Change = { verb: 'redrive', participle: 'Redriven' };
export const DISCARD: Change = { verb: 'discard', participle: 'Discarded' };

const hasFilter = (filter: LetterFilter): boolean => Object.values(filter).some((value) => value !== undefined);

/** @throws an error if it is not said which letters are meant, or in two ways */
export const checkChange = ({ verb }: Change, { refs, filter, all, limit }: ChangeOptions): void => {
  const isByFilter = hasFilter(filter) || all;
  if (refs.length === 0 && !isByFilter)
    throw usageError(`${verb}: expected refs of letters, a filter such as --consumer, or --all`);
  if (refs.length > 0 && (isByFilter || limit !== undefined))
    throw usageError(`${verb}: expected refs or a filter, got both`);
};

const choose = async (io: Io, connection: Connection, { refs, filter, limit }: ChangeOptions) => {
  const search = searchOf(io, connection);
  if (refs.length === 0) {
    const { letters } = await findLetters(search, filter, limit ?? Number.POSITIVE_INFINITY);
    search.progress.clear();
    return letters;
  }
  const found = await findByRefs(search, refs);
  search.progress.clear();
  const missing = missingOf(refs, found);
  if (missing.length > 0 && !io.stopped.aborted)
    throw failedError(
      `There is no dead letter ${missing.map((ref) => JSON.stringify(ref)).join(', ')}. Nothing was done`,
    );
  return found;
};

const tellLeft = (io: Io, { participle }: Change, { left, gone, notBegun }: CarriedOut): void => {
  const reasons = new Map<string, string[]>();
  for (const { letter, why } of left) {
    const text = `${letter.consumer}: ${why}`;
    reasons.set(text, [...(reasons.get(text) ?? []), letter.ref]);
  }
  for (const [text, refs] of reasons)
    io.err(`Not ${participle.toLowerCase()}, ${countOf(refs.length, 'letter')} of ${plain(text)}\n`);
  if (gone > 0) io.err(`Gone meanwhile: ${countOf(gone, 'letter')}\n`);
  if (notBegun > 0) io.err(`Interrupted. Not begun, and as before: ${countOf(notBegun, 'letter')}\n`);
};

/** Redrives or discards letters. */
export const changeLetters = async (
  io: Io,
  connection: Connection,
  change: Change,
  options: ChangeOptions,
): Promise<number> => {
  const { verb, participle } = change;
  const chosen = await choose(io, connection, options);
  const early = codeOfStop(io.stopped);
  if (early !== undefined) {
    io.err('Interrupted. Nothing was done.\n');
    return early;
  }
  if (chosen.length === 0) {
    io.err('No letter fits.\n');
    await hintAtNames(io, connection, options.filter.consumer);
  }
  if (options.dryRun) {
    if (options.json) await document(io, { dryRun: true, letters: chosen.map(briefOf) });
    else {
      if (chosen.length > 0) await io.out(tableOf(io, COLUMNS, chosen));
      await line(io, `Would ${verb} ${countOf(chosen.length, 'letter')}. Nothing was done.`);
    }
    return EXIT.done;
  }
  const letters = lettersOf(connection);
  const progress = createProgress(io);
  const tellStop = () => {
    progress.clear();
    io.err('Finishing the letters in hand. Ctrl-C again ends at once.\n');
  };
  io.stopped.addEventListener('abort', tellStop);
  const result = await carryOut(chosen, { letters, act: letters[verb], participle, progress, stopped: io.stopped });
  progress.clear();
  const { done, left, gone, notBegun } = result;
  tellLeft(io, change, result);
  if (options.json) {
    const rest = left.map(({ letter: { ref, consumer }, why }) => ({ ref, consumer, why }));
    await document(io, { [participle.toLowerCase()]: done, left: rest, gone, notBegun });
  } else await line(io, `${participle}: ${countOf(done, 'letter')}.`);
  if (verb === 'redrive') {
    const stayed = new Set(left.map(({ letter }) => letter.consumer));
    const consumers = chosen.map(({ consumer }) => consumer).filter((consumer) => !stayed.has(consumer));
    await hintAtOrphans(io, connection, new Set(done > 0 ? consumers : []));
  }
  if (notBegun > 0) return codeOfStop(io.stopped) ?? EXIT.failed;
  return left.length > 0 ? EXIT.failed : EXIT.done;
};

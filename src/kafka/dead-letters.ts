import { checkCursor } from '../shared/cursor.ts';
import type { DeadLetterStore, StoredDeadLetter } from '../transport/index.ts';
import { CLAIM_MS, claimOf, createClaims, unclaimOf } from './claims.ts';
import type { Client, ConsumerClient } from './client.ts';
import { type ConsumerState, noteConsumer } from './consumer-state.ts';
import { isOneOf } from './errors.ts';
import { type GroupOffsets, offsetOf } from './group-offsets.ts';
import type { Names } from './names.ts';
import { ATTEMPT, NOT_BEFORE } from './outcomes.ts';
import { readLog } from './read-log.ts';
import { bodyOf, headersOf, type NewRecord, type StoredRecord, textOf } from './records.ts';

export interface DeadLettersParts {
  readonly names: Names;
  readonly offsets: GroupOffsets;
  readonly createReader: () => Client<ConsumerClient>;
  /** Rejects if there is no such topic. */
  readonly write: (record: NewRecord) => Promise<void>;
  readonly exists: (topic: string) => Promise<boolean>;
}

interface Entry {
  readonly offset: bigint;
  readonly consumer: string;
}

/** An offset. */
const CURSOR = /^\d{1,19}$/;
const CLAIMED_AT_ONCE = 200;

const toLetter = (record: StoredRecord): StoredDeadLetter => {
  const headers = headersOf(record);
  return {
    ref: textOf(record.key),
    consumer: headers.consumer ?? '',
    reason: headers.reason ?? '',
    attempt: Number(headers.attempt ?? 1),
    error: { name: headers['error-name'] ?? '', message: headers['error-message'] ?? '' },
    diedAt: new Date(headers['died-at'] ?? 0),
    body: bodyOf(record),
  };
};

const readJson = (text: string | undefined): Record<string, string> => {
  try {
    return JSON.parse(text ?? '{}');
  } catch {
    return {};
  }
};

const toRetry = (record: StoredRecord, topic: string): NewRecord => {
  const { key, headers } = headersOf(record);
  return {
    topic,
    value: Buffer.from(bodyOf(record)),
    headers: { ...readJson(headers), [ATTEMPT]: '1', [NOT_BEFORE]: '0' },
    ...(key !== undefined && { key: Buffer.from(key) }),
  };
};

export interface DeadLetters extends DeadLetterStore {
  /** What the last record about a consumer says. `undefined` if there is none. */
  readonly stateOf: (consumer: string) => Promise<ConsumerState | undefined>;
  /** Does work that one process at a time may do. Resolves with `false` if another process has begun it. */
  readonly claim: (name: string, work: () => Promise<void>) => Promise<boolean>;
  readonly close: () => Promise<void>;
}

/** A letter is a record with a key of its own. A record without a value takes the letter with its key away. */
export const createDeadLetters = (parts: DeadLettersParts): DeadLetters => {
  const { names, offsets, createReader, write, exists } = parts;
  const { deadTopic: topic } = names;
  const entries = new Map<string, Entry>();
  const states = new Map<string, ConsumerState>();
  const claims = createClaims();
  /** How far the topic was looked through. */
  let seen = 0n;
  let reader: Client<ConsumerClient> | undefined;
  let turn: Promise<unknown> = Promise.resolve();

  const read = (from: bigint, to: bigint, visit: (record: StoredRecord) => void): Promise<void> => {
    reader ??= createReader();
    return readLog(reader, topic, 0, from, to, visit);
  };
  const note = (record: StoredRecord): void => {
    if (claims.note(record) || noteConsumer(states, record)) return;
    const ref = textOf(record.key);
    const { consumer = '' } = headersOf(record);
    if (record.value === null) entries.delete(ref);
    else entries.set(ref, { offset: record.offset, consumer });
  };
  const forgetAll = (): void => {
    entries.clear();
    claims.clear();
    states.clear();
  };
  /** Looks through what is new, and forgets what the log does not have any more. */
  const look = async (): Promise<void> => {
    // To look makes no topic: a mistyped service has no letters.
    if (!(await exists(topic))) {
      forgetAll();
      seen = 0n;
      return;
    }
    const [starts, ends] = [await offsets.starts([topic]), await offsets.ends([topic])];
    const start = offsetOf(starts, topic, 0) ?? 0n;
    const end = offsetOf(ends, topic, 0) ?? 0n;
    if (end < seen) {
      // The topic was made anew.
      forgetAll();
      seen = start;
    }
    for (const [ref, { offset }] of entries) if (offset < start) entries.delete(ref);
    await read(seen > start ? seen : start, end, note);
    seen = end;
  };
  /** One after another, since they share what they have seen. */
  const inTurn = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const working = turn.then(work);
    turn = working.catch(() => {});
    return working;
  };

  const recordsOf = async (wanted: readonly (readonly [string, Entry])[]): Promise<StoredRecord[]> => {
    const at = new Map(wanted.map(([ref, { offset }]) => [ref, offset]));
    const found: StoredRecord[] = [];
    const [[, first] = [], [, last] = []] = [wanted[0], wanted.at(-1)];
    if (!first || !last) return found;
    await read(first.offset, last.offset + 1n, (record) => {
      // A letter may be in the log twice, after an answer that was lost.
      if (record.value !== null && at.get(textOf(record.key)) === record.offset) found.push(record);
    });
    return found;
  };

  const page: DeadLetterStore['page'] = ({ consumer, after, limit }) =>
    inTurn(async () => {
      checkCursor(after, CURSOR);
      await look();
      const from = after === undefined ? -1n : BigInt(after);
      const found = [...entries].filter(
        ([, entry]) => entry.offset > from && (consumer === undefined || entry.consumer === consumer),
      );
      const wanted = found.slice(0, limit);
      const letters = (await recordsOf(wanted)).map(toLetter);
      const [, last] = wanted.at(-1) ?? [];
      return { letters, next: found.length > limit ? last?.offset.toString() : undefined };
    });

  const remove = async (ref: string): Promise<void> => {
    await write({ topic, key: Buffer.from(ref) });
    entries.delete(ref);
  };
  const entriesOf = (refs: readonly string[]) => {
    const wanted = new Set(refs);
    return [...entries].filter(([ref]) => wanted.has(ref)).sort(([, a], [, b]) => (a.offset < b.offset ? -1 : 1));
  };

  /** Where a consumer gets its retries now, however often it was renamed. */
  const retryTopicOf = async (consumer: string): Promise<string> => {
    const tried = new Set<string>();
    for (let name: string | undefined = consumer; name !== undefined && !tried.has(name); ) {
      tried.add(name);
      const next: string | undefined = states.get(name)?.renamedTo;
      // The topic of a former name may be left. Nobody reads it.
      if (next === undefined && (await exists(names.retryTopic(name)))) return names.retryTopic(name);
      name = next;
    }
    throw new Error(`There is no consumer ${JSON.stringify(consumer)} any more`);
  };

  /**
   * Claims letters, and gives those to `work` that no other operator has claimed before. Resolves with how many there were.
   */
  const withClaim = async (
    refs: readonly string[],
    work: (wanted: readonly (readonly [string, Entry])[], isOver: () => boolean) => Promise<number>,
  ): Promise<number> => {
    await look();
    if (entriesOf(refs).length === 0) return 0;
    const owner = crypto.randomUUID();
    const claimedAt = performance.now();
    await write(claimOf(topic, owner, refs));
    try {
      await look();
      const own = entriesOf(refs).filter(([ref]) => claims.has(owner, ref));
      return await work(own, () => performance.now() - claimedAt > CLAIM_MS / 2);
    } finally {
      await write(unclaimOf(topic, owner));
    }
  };
  /** So many at once, so that a claim is a small record and does not end before its work. */
  const inClaims = async (refs: readonly string[], work: Parameters<typeof withClaim>[1]): Promise<number> => {
    let count = 0;
    for (let start = 0; start < refs.length; start += CLAIMED_AT_ONCE)
      count += await inTurn(() => withClaim(refs.slice(start, start + CLAIMED_AT_ONCE), work));
    return count;
  };
  const tooSlow = () => new Error('Kafka is too slow to redrive or discard letters in time: try again');

  const redrive: DeadLetterStore['redrive'] = (refs) =>
    inClaims(refs, async (wanted, isOver) => {
      let count = 0;
      for (const record of await recordsOf(wanted)) {
        const retryTopic = await retryTopicOf(toLetter(record).consumer);
        if (isOver()) throw tooSlow();
        // A letter that is removed too late comes twice. One that is removed too early is lost.
        await write(toRetry(record, retryTopic));
        await remove(textOf(record.key));
        count++;
      }
      return count;
    });
  const discard: DeadLetterStore['discard'] = (refs) =>
    inClaims(refs, async (wanted, isOver) => {
      for (const [ref] of wanted) {
        if (isOver()) throw tooSlow();
        await remove(ref);
      }
      return wanted.length;
    });

  const stateOf = (consumer: string): Promise<ConsumerState | undefined> =>
    inTurn(async () => {
      await again(look);
      return states.get(consumer);
    });
  const claim = async (name: string, work: () => Promise<void>): Promise<boolean> => {
    const owner = crypto.randomUUID();
    const hold = () => write(claimOf(topic, owner, [name]));
    await hold();
    const renewal = setInterval(() => void hold().catch(() => {}), CLAIM_MS / 4);
    try {
      const isOwn = await inTurn(async () => {
        await again(look);
        return claims.has(owner, name);
      });
      if (isOwn) await work();
      return isOwn;
    } finally {
      clearInterval(renewal);
      await write(unclaimOf(topic, owner));
    }
  };
  const close = async (): Promise<void> => {
    await reader?.close();
  };

  /** The log may be cut while it is read. */
  const again = async <Result>(ask: () => Promise<Result>): Promise<Result> => {
    try {
      return await ask();
    } catch (error) {
      if (!isOneOf(error, /OFFSET_OUT_OF_RANGE|NOT_LEADER|Connection closed|UNKNOWN_TOPIC/)) throw error;
      return ask();
    }
  };
  return {
    page: (query) => again(() => page(query)),
    redrive,
    discard,
    stateOf,
    claim,
    close,
  };
};

import { createHash } from 'node:crypto';
import type { ConsumerSpec } from '../transport/index.ts';
import type { Declarer } from './declare-queue.ts';
import { createKept } from './kept.ts';
import type { Link } from './link.ts';
import type { Names } from './names.ts';
import type { Topology } from './topology.ts';

/** What is known of a consumer at the broker. */
export interface ConsumerRecord {
  /** The event names that versions of the consumer are bound to. */
  readonly versions: Readonly<Record<string, readonly string[]>>;
  /** The present name of a consumer that was renamed. */
  readonly renamedTo?: string | undefined;
  /** The name that it had before. */
  readonly formerly?: string | undefined;
  /** Whether another consumer may have the name, although dead letters of the one that was renamed may be left. */
  readonly isFree?: boolean | undefined;
  /** Whether the consumer has had another name in between, and has this one again. */
  readonly isBack?: boolean | undefined;
}

const EMPTY: ConsumerRecord = { versions: {} };

/** Names the set of event names that one version of a program consumes. */
export const versionOf = (names: readonly string[]): string =>
  createHash('sha256')
    .update(JSON.stringify([...names].sort()))
    .digest('hex')
    .slice(0, 16);

export const namesIn = ({ versions }: ConsumerRecord): string[] => [...new Set(Object.values(versions).flat())];

const parse = (json: string): ConsumerRecord => {
  try {
    const { versions, renamedTo, formerly, isFree, isBack }: Partial<ConsumerRecord> = JSON.parse(json);
    return { versions: versions ?? {}, renamedTo, formerly, isFree, isBack };
  } catch {
    return EMPTY;
  }
};

/** The last writer may have read nothing: what it does not tell, an earlier one may. */
const merge = (records: readonly ConsumerRecord[]): ConsumerRecord => {
  const last = (tells: (record: ConsumerRecord) => boolean) => records.filter(tells).at(-1) ?? EMPTY;
  const { renamedTo, isFree, isBack } = last((record) => record.renamedTo !== undefined || record.isBack === true);
  const { formerly } = last((record) => record.formerly !== undefined);
  return {
    versions: Object.assign({}, ...records.map(({ versions }) => versions)),
    renamedTo,
    formerly,
    isFree,
    isBack,
  };
};

/** Reads and writes the records of consumers. */
export const createRecords = (link: Link, recordOf: Names['record'], topology: Topology, declarer: Declarer) => {
  const kept = createKept({ link, declarer, parse, merge });

  /** Gives the record to `change`, and keeps what that returns. */
  const update = (
    spec: ConsumerSpec,
    change: (record: ConsumerRecord) => Promise<ConsumerRecord> | ConsumerRecord,
  ): Promise<ConsumerRecord> => kept.update(topology.record(spec), change);

  /** Reads the record of a consumer that has one. */
  const read = (consumer: string): Promise<ConsumerRecord> => kept.read(recordOf(consumer));

  return { update, read };
};

export type Records = ReturnType<typeof createRecords>;

import { isObject } from '../shared/check.ts';
import { keyOf, type NewRecord, type StoredRecord, textOf } from './records.ts';

/** When a consumer was run, as one of its processes has noted it. */
export interface Use {
  /** Of the record. */
  readonly offset: bigint;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly expiresAfterMs: number;
}

/** What is known of a consumer. */
export interface Usage {
  readonly used: Use | undefined;
  /** The id of the retry topic that is to be removed with all that belongs to the consumer. */
  readonly removes: string | undefined;
}

const USED = 'used ';
const REMOVAL = 'removal ';

const readValue = (value: Buffer): Record<string, unknown> => {
  try {
    const parsed: unknown = JSON.parse(textOf(value));
    return isObject(parsed) ? { ...parsed } : {};
  } catch {
    return {};
  }
};

const toUse = (offset: bigint, { at, expiresAfterMs }: Record<string, unknown>): Use | undefined =>
  typeof at === 'number' && typeof expiresAfterMs === 'number' ? { offset, at, expiresAfterMs } : undefined;

const record = (topic: string, key: string, value?: object): NewRecord => ({
  topic,
  key: Buffer.from(key),
  ...(value && { value: Buffer.from(JSON.stringify(value)) }),
});

/** A process says that it runs a consumer. */
export const useRecord = (topic: string, consumer: string, expiresAfterMs: number): NewRecord =>
  record(topic, USED + consumer, { at: Date.now(), expiresAfterMs });

/** A process wants to remove a consumer that was last used at an offset. */
export const removalRecord = (topic: string, consumer: string, topicId: string, { offset }: Use): NewRecord =>
  record(topic, REMOVAL + consumer, { topicId, after: String(offset) });

export const forgetUse = (topic: string, consumer: string): NewRecord => record(topic, USED + consumer);

export const forgetRemoval = (topic: string, consumer: string): NewRecord => record(topic, REMOVAL + consumer);

/** Takes note of a record. All processes read the records in one order, and so they agree. */
export const noteUsage = (usages: Map<string, Usage>, stored: StoredRecord): void => {
  const key = keyOf(stored) ?? '';
  const [kind] = [USED, REMOVAL].filter((each) => key.startsWith(each));
  if (kind === undefined) return;
  const consumer = key.slice(kind.length);
  const { used, removes } = usages.get(consumer) ?? { used: undefined, removes: undefined };
  const value = stored.value === null ? {} : readValue(stored.value);
  if (kind === USED) {
    usages.set(consumer, { used: toUse(stored.offset, value), removes });
    return;
  }
  // A removal counts only if nobody has used the consumer since its remover has looked.
  const counts = used !== undefined && value.after === String(used.offset) && typeof value.topicId === 'string';
  usages.set(consumer, { used, removes: counts ? String(value.topicId) : undefined });
};

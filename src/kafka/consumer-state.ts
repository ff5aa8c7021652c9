import { headersOf, type NewRecord, type StoredRecord, textOf } from './records.ts';

/** What the last record about a consumer says. */
export interface ConsumerState {
  /** Its present name. `undefined` while it is in force. */
  readonly renamedTo: string | undefined;
  /** Whether what waited for its retries was given to the present name. */
  readonly isMoved: boolean;
}

const KEY = 'consumer ';
const RENAMED_TO = 'renamed-to';
const MOVED = 'moved';

const stateOf = (topic: string, consumer: string, headers: Readonly<Record<string, string>>): NewRecord => ({
  topic,
  key: Buffer.from(KEY + consumer),
  value: Buffer.from(JSON.stringify(headers)),
  headers,
});

/** A record among the letters that says that a consumer is in force. Kafka forgets offsets, and keeps such a record. */
export const inForceRecord = (topic: string, consumer: string): NewRecord => stateOf(topic, consumer, {});

/** A record among the letters that says which name a consumer has now. */
export const renameRecord = (topic: string, consumer: string, renamedTo: string, isMoved: boolean): NewRecord =>
  stateOf(topic, consumer, { [RENAMED_TO]: renamedTo, ...(isMoved && { [MOVED]: 'true' }) });

/** Forgets a consumer that was removed. */
export const forgetConsumer = (topic: string, consumer: string): NewRecord => ({
  topic,
  key: Buffer.from(KEY + consumer),
});

/** Takes note of a record. Says whether it is about a consumer. */
export const noteConsumer = (states: Map<string, ConsumerState>, record: StoredRecord): boolean => {
  const key = textOf(record.key);
  if (!key.startsWith(KEY)) return false;
  const consumer = key.slice(KEY.length);
  const { [RENAMED_TO]: renamedTo, [MOVED]: moved } = headersOf(record);
  if (record.value === null) states.delete(consumer);
  else states.set(consumer, { renamedTo, isMoved: moved === 'true' });
  return true;
};

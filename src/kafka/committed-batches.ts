import type { RecordsBatch } from '@platformatic/kafka';
import type { ConsumerClient } from './client.ts';
import type { StoredRecord } from './records.ts';

export type FetchResponse = Awaited<ReturnType<ConsumerClient['fetch']>>;
type FetchResponsePartition = FetchResponse['responses'][number]['partitions'][number];

const IS_TRANSACTIONAL = 0b10000;
const IS_CONTROL = 0b100000;

const lastOffsetOf = ({ firstOffset, lastOffsetDelta }: RecordsBatch): bigint => firstOffset + BigInt(lastOffsetDelta);

/** Ends a transaction that was rolled back. */
const isAbortMarker = ({ attributes, records: [first] }: RecordsBatch): boolean =>
  (attributes & IS_CONTROL) !== 0 && first?.key?.readInt16BE(2) === 0;

/**
 * The batches of transactions that were not rolled back. The client knows only the last transaction of each producer in
 * what it has fetched.
 */
const committedBatches = ({ records = [], abortedTransactions = [] }: FetchResponsePartition): RecordsBatch[] => {
  if (abortedTransactions.length === 0) return records;
  const toCome = [...abortedTransactions].sort((a, b) => Number(a.firstOffset - b.firstOffset));
  const rolledBack = new Set<bigint>();
  return records.filter((batch) => {
    for (let [next] = toCome; next && next.firstOffset <= lastOffsetOf(batch); [next] = toCome) {
      rolledBack.add(next.producerId);
      toCome.shift();
    }
    if (isAbortMarker(batch)) rolledBack.delete(batch.producerId);
    return (batch.attributes & IS_TRANSACTIONAL) === 0 || !rolledBack.has(batch.producerId);
  });
};

/** The records of a partition from an offset on, and where the next fetch begins. */
export const readPartition = (
  partition: FetchResponsePartition,
  from: bigint,
): { readonly records: StoredRecord[]; readonly next: bigint } => {
  const { records: batches = [] } = partition;
  const last = batches.at(-1);
  const records: StoredRecord[] = [];
  for (const batch of committedBatches(partition)) {
    if ((batch.attributes & IS_CONTROL) !== 0) continue;
    for (const { offsetDelta, key, value, headers } of batch.records) {
      const offset = batch.firstOffset + BigInt(offsetDelta);
      if (offset >= from) records.push({ offset, key, value, headers });
    }
  }
  const next = last === undefined ? from : lastOffsetOf(last) + 1n;
  return { records, next: next > from ? next : from };
};

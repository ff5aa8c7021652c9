import type { MessageToProduce } from '@platformatic/kafka';

/** A record as it is read. */
export interface StoredRecord {
  readonly offset: bigint;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly (readonly [Buffer | null, Buffer | null])[];
}

/** A record as it is written. */
export type NewRecord = MessageToProduce<Buffer, Buffer, string, string>;

const EMPTY = new Uint8Array();

/** Java clients write headers without a value, and records without a value to remove a key. */
export const textOf = (bytes: Buffer | null | undefined): string => bytes?.toString() ?? '';

export const headersOf = ({ headers }: StoredRecord): Record<string, string> => {
  const own: [string, string][] = headers.map(([name, value]) => [textOf(name), textOf(value)]);
  return Object.fromEntries(own);
};

export const keyOf = ({ key }: StoredRecord): string | undefined => (key === null ? undefined : textOf(key));

export const bodyOf = ({ value }: StoredRecord): Uint8Array => value ?? EMPTY;

export const toBuffer = (body: string | Uint8Array): Buffer =>
  typeof body === 'string' ? Buffer.from(body) : Buffer.from(body.buffer, body.byteOffset, body.byteLength);

export const bytesOf = ({ key, value, headers }: NewRecord): number => {
  let bytes = (key?.byteLength ?? 0) + (value?.byteLength ?? 0);
  if (headers && !(headers instanceof Map))
    for (const [name, text] of Object.entries(headers)) bytes += Buffer.byteLength(name) + Buffer.byteLength(text);
  return bytes;
};

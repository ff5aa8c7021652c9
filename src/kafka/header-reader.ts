import { attributesOf } from './binary-mode.ts';
import { withoutOwn } from './outcomes.ts';
import { headersOf, type StoredRecord } from './records.ts';

type Headers = Readonly<Record<string, string>>;

export interface ReadHeaders {
  readonly headers: Headers;
  /** Those that are not of this transport. */
  readonly foreign: Headers;
  /** The attributes of a CloudEvent whose record has its data alone. */
  readonly attributes: Headers | undefined;
}

const areSame = (left: Buffer | null, right: Buffer | null): boolean =>
  left === null || right === null ? left === right : left.equals(right);

/**
 * Reads the headers of the records of a response. Most have the same headers as the one before, and share what was read.
 * A reader keeps the response in memory, so each response has a reader of its own.
 */
export const createHeaderReader = () => {
  let before: StoredRecord['headers'] = [];
  let last: ReadHeaders = { headers: {}, foreign: {}, attributes: undefined };
  return (record: StoredRecord): ReadHeaders => {
    const isSame =
      before.length === record.headers.length &&
      record.headers.every(
        ([name, value], index) =>
          areSame(name, before[index]?.[0] ?? null) && areSame(value, before[index]?.[1] ?? null),
      );
    if (isSame) return last;
    const headers = headersOf(record);
    before = record.headers;
    last = { headers, foreign: withoutOwn(headers), attributes: attributesOf(headers) };
    return last;
  };
};

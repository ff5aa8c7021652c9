import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createHeaderReader } from '../../../src/kafka/header-reader.ts';

const NAMES = ['mapbus-attempt', 'mapbus-not-before', 'ce_specversion', 'ce_type', 'content-type', 'trace', ''];

/** Java clients write headers without a value. */
const bytes = (texts: readonly string[]) =>
  fc.option(fc.constantFrom(...texts), { freq: 8 }).map((text) => (text === null ? null : Buffer.from(text)));
const headers = fc.array(fc.tuple(bytes(NAMES), bytes(['1', '2', 'application/json', ''])), { maxLength: 3 });
const recordOf = (own: readonly (readonly [Buffer | null, Buffer | null])[]) => ({
  offset: 0n,
  key: null,
  value: null,
  headers: own,
});

it('the headers of a record do not depend on the records before it', () => {
  fc.assert(
    fc.property(fc.array(headers, { maxLength: 8 }), (list) => {
      const read = createHeaderReader();
      // Each comes twice in a row, as most do.
      for (const record of list.flatMap((own) => [recordOf(own), recordOf(own.map(([...pair]) => pair))]))
        expect(read(record)).toEqual(createHeaderReader()(record));
    }),
  );
});

it('keeps the headers of the transport apart from those of others', () => {
  const record = recordOf([
    [Buffer.from('mapbus-attempt'), Buffer.from('3')],
    [Buffer.from('trace'), Buffer.from('a')],
  ]);

  expect(createHeaderReader()(record)).toEqual({
    headers: { 'mapbus-attempt': '3', trace: 'a' },
    foreign: { trace: 'a' },
    attributes: undefined,
  });
});

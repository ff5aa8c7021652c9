import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addFirst,
  addLast,
  createFifo,
  empty,
  firstOf,
  itemsOf,
  sizeOf,
  takeAny,
  takeFirst,
} from '../../src/shared/fifo.ts';

const call = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ kind: 'addLast' as const }) },
  { weight: 3, arbitrary: fc.constant({ kind: 'takeFirst' as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('addFirst' as const), count: fc.nat(5) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('takeAny' as const),
      random: fc.double({ min: 0, max: 0.999, noNaN: true }),
    }),
  },
);

describe('a fifo', () => {
  it('behaves like an array, whatever is added and taken', () => {
    fc.assert(
      fc.property(fc.array(call, { size: 'max', maxLength: 300 }), (calls) => {
        const fifo = createFifo<number>();
        const model: number[] = [];
        let next = 0;
        for (const one of calls) {
          if (one.kind === 'addLast') {
            addLast(fifo, next);
            model.push(next++);
          } else if (one.kind === 'addFirst') {
            const items = Array.from({ length: one.count }, () => next++);
            addFirst(fifo, items);
            model.unshift(...items);
          } else if (one.kind === 'takeFirst') expect(takeFirst(fifo)).toBe(model.shift());
          else {
            const index = Math.floor(one.random * model.length);
            expect(takeAny(fifo, one.random)).toBe(model[index]);
            const last = model.pop();
            if (last !== undefined && index < model.length) model[index] = last;
          }
        }
        expect(sizeOf(fifo)).toBe(model.length);
        expect(firstOf(fifo)).toBe(model[0]);
        expect(itemsOf(fifo)).toEqual(model);
      }),
    );
  });

  it('keeps no more than twice as many places as it has items, and a few', () => {
    const fifo = createFifo<number>();
    for (let item = 0; item < 10_000; item++) addLast(fifo, item);

    for (let item = 0; item < 9_990; item++) expect(takeFirst(fifo)).toBe(item);

    expect(fifo.list.length).toBeLessThan(100);
  });

  it('has nothing once it is emptied', () => {
    const fifo = createFifo<number>();
    addLast(fifo, 1);
    addLast(fifo, 2);
    takeFirst(fifo);

    empty(fifo);

    expect(takeFirst(fifo)).toBeUndefined();
    expect(itemsOf(fifo)).toEqual([]);
  });
});

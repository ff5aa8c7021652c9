import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createOffsets } from '../../src/kafka/offsets.ts';

describe('what of a partition is committed', () => {
  it('is all that has been handled up to the first event that has not, in whatever order they end', () => {
    const gaps = fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 30 });
    fc.assert(
      fc.property(gaps, fc.infiniteStream(fc.nat()), (steps, picks) => {
        const { take, finish, toCommit, commit } = createOffsets();
        let offset = 0n;
        // Offsets have gaps: transactions and compaction leave some out.
        const inHand = steps.map((step) => {
          offset += BigInt(step);
          return take(offset);
        });
        const open = new Set(inHand);
        let committed = 0n;
        while (open.size > 0) {
          const event = [...open][(picks.next().value ?? 0) % open.size];
          open.delete(event);
          if (event) finish(event);

          const done = inHand.slice(
            0,
            inHand.findIndex((one) => open.has(one)),
          );
          const next = ((open.size > 0 ? done : inHand).at(-1)?.offset ?? -1n) + 1n;
          expect(toCommit()).toBe(next === committed ? undefined : next);
          if (next !== committed) commit(next);
          committed = next;
        }
        expect(toCommit()).toBeUndefined();
      }),
    );
  });

  it('is due again until it has been committed', () => {
    const { take, finish, toCommit, commit } = createOffsets();
    const event = take(0n);
    if (event) finish(event);

    expect([toCommit(), toCommit()]).toEqual([1n, 1n]);
    commit(1n);
    expect(toCommit()).toBeUndefined();
  });

  it('is not moved by an event that the client brings again', () => {
    const { take, finish, toCommit } = createOffsets();
    const [first] = [take(5n), take(6n)];

    expect([take(5n), take(6n)]).toEqual([undefined, undefined]);
    if (first) finish(first);
    expect(toCommit()).toBe(6n);
  });
});

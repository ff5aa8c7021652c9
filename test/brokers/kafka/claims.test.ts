import { describe, expect, it } from 'vitest';
import { CLAIM_MS, createClaims } from '../../../src/kafka/claims.ts';

const record = (owner: string, at: number | undefined, refs: readonly string[] = []) => ({
  offset: 0n,
  key: Buffer.from(`claim ${owner}`),
  value: at === undefined ? null : Buffer.from(JSON.stringify({ at, refs })),
  headers: [],
});

describe('claims to letters', () => {
  it('give a letter to the first of two operators', () => {
    const claims = createClaims();
    claims.note(record('a', 1_000, ['one', 'two']));
    claims.note(record('b', 1_001, ['two', 'three']));

    const has = (owner: string) => ['one', 'two', 'three'].filter((ref) => claims.has(owner, ref));

    expect([has('a'), has('b')]).toEqual([['one', 'two'], ['three']]);
  });

  it('of an operator that has died end after a minute', () => {
    const claims = createClaims();
    claims.note(record('a', 1_000, ['one']));
    claims.note(record('b', 1_000 + CLAIM_MS, ['one']));
    expect(claims.has('b', 'one')).toBe(false);

    claims.note(record('c', 1_001 + CLAIM_MS, ['one']));

    expect(claims.has('c', 'one')).toBe(true);
  });

  it('are gone once their operator has taken them away', () => {
    const claims = createClaims();
    claims.note(record('a', 1_000, ['one']));
    claims.note(record('a', undefined));
    claims.note(record('b', 1_001, ['one']));

    expect(claims.has('b', 'one')).toBe(true);
  });

  it('that cannot be read claim nothing', () => {
    const claims = createClaims();

    expect(claims.note({ ...record('a', 1), value: Buffer.from('no JSON') })).toBe(true);
    expect(claims.has('a', 'one')).toBe(false);
  });

  it('are no letters', () => {
    expect(createClaims().note({ ...record('a', 1), key: Buffer.from('a letter') })).toBe(false);
  });
});

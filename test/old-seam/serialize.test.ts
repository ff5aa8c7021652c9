import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { serialize } from '../../src/old-seam/serialize.ts';

const cycle: Record<string, unknown> = {};
cycle.self = { cycle };

describe('what JSON cannot carry, or would change in silence', () => {
  it.each<[string, unknown, string]>([
    ['a BigInt', { a: [1n] }, 'a bigint at payload["a"]["0"]'],
    ['a function', { b: () => {} }, 'a function at payload["b"]'],
    ['a symbol', [Symbol('c')], 'a symbol at payload["0"]'],
    ['a cycle', cycle, 'a cycle at payload["self"]["cycle"]'],
    ['NaN', { rate: Number.NaN }, 'NaN at payload["rate"]'],
    ['Infinity', { rate: -1 / 0 }, '-Infinity at payload["rate"]'],
    ['a Map', { byId: new Map() }, 'a Map at payload["byId"]'],
    ['a Set', new Set([1]), 'a Set at payload'],
  ])('is refused with its path: %s', (_, payload, trouble) => {
    expect(() => serialize({ data: payload })).toThrow(
      expect.objectContaining({
        code: 'not_serializable',
        message: `[mapbus] Cannot publish: JSON cannot carry ${trouble}`,
      }),
    );
  });

  it('is refused where a toJSON gives it, or throws', () => {
    const lossy = { toJSON: () => ({ inner: () => {} }) };
    const broken = {
      toJSON: () => {
        throw new Error('broken');
      },
    };
    for (const payload of [lossy, broken])
      expect(() => serialize({ data: { payload } })).toThrow('JSON cannot carry what its toJSON gives at payload');
  });
});

it('what JSON carries is written as JSON writes it, however deep it is', () => {
  let deep: unknown = { at: new Date(0) };
  for (let depth = 0; depth < 100; depth++) deep = [deep];
  const payload = fc.oneof(fc.jsonValue(), fc.constantFrom(deep, { at: new Date(0), none: undefined }, undefined));

  fc.assert(
    fc.property(payload, (data) => {
      expect(serialize({ type: 'a', data })).toBe(JSON.stringify({ type: 'a', data }));
    }),
  );
  const dated = { at: new Date(0), none: undefined };
  expect(serialize({ data: dated })).toBe('{"data":{"at":"1970-01-01T00:00:00.000Z"}}');
  expect(serialize({ data: undefined })).toBe('{}');
});

it('what JSON cannot carry is refused however deep it is', () => {
  let deep: unknown = 1n;
  for (let depth = 0; depth < 100; depth++) deep = [deep];

  expect(() => serialize({ data: deep })).toThrow('JSON cannot carry a bigint');
});

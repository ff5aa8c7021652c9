import { describe, expect, it } from 'vitest';
import { check, readOptions } from '../../src/shared/check.ts';

type Expected = Parameters<typeof check>[2];

const withMethods = Object.assign(() => {}, { run: () => {} });
const child = Object.create({ inherited: true });
const promise = Promise.resolve();

/** Each expectation, what fits and what does not. */
const expectations: readonly (readonly [Expected, readonly unknown[], readonly unknown[]])[] = [
  ['function', [() => {}, class {}], [{}, 'f', undefined, null]],
  ['string', ['', 'a'], [1, undefined, null, ['a'], new String('a')]],
  ['boolean', [true, false], [0, 'true', null]],
  ['number', [0, -1, Number.NaN], ['1', 1n, null]],
  ['object', [{}, [], new Map()], [null, undefined, () => {}, 'a']],
  ['array', [[], [1]], [{ length: 0 }, 'a', null]],
  ['anything', [undefined, null, 0, {}], []],
  ['plain object', [{}, Object.create(null), { a: 1 }], [[], new Map(), child, () => {}, 'a', null, undefined]],
  ['object of strings', [{}, Object.create(null), child], [[], new Map(), promise, new Headers(), 'a', null]],
  ['string that is not empty', ['a', ' '], ['', 1, undefined, ['a']]],
  ['valid date', [new Date(0), { getTime: () => 5 }], [new Date(Number.NaN), 0, {}, { getTime: 5 }, null]],
  ['milliseconds', [0, 0.5, 2 ** 31 - 1], [-1, 2 ** 31, Number.NaN, '1', null, 1n]],
  ['positive milliseconds', [0.5, 1, 2 ** 31 - 1], [0, -1, 2 ** 31, Number.NaN, '1']],
  ['positive integer', [1, 2 ** 40], [0, -1, 1.5, Number.POSITIVE_INFINITY, '1']],
  ['positive number', [0.1, Number.POSITIVE_INFINITY], [0, -1, Number.NaN, '1']],
  ['number from 0 to 1', [0, 0.5, 1], [-0.1, 1.1, Number.NaN, '0.5']],
  [['run'], [{ run: () => {} }, withMethods], [{}, { run: 1 }, 'run', null, undefined]],
  [['run', 'stop'], [{ run: () => {}, stop: () => {} }], [{ run: () => {} }, { stop: () => {} }]],
];

describe('check', () => {
  it.each(expectations)('takes what is as expected: %j', (expected, fitting) => {
    for (const value of fitting) expect(() => check('value', value, expected)).not.toThrow();
  });

  it.each(expectations)('throws a TypeError for what is not: %j', (expected, _, wrong) => {
    for (const value of wrong) expect(() => check('value', value, expected), String(value)).toThrow('[mapbus] value: ');
  });

  it.each([
    ['a string', 'a "quoted" one', '"a \\"quoted\\" one"'],
    ['a number', 7, '7'],
    ['a bigint', 7n, '7'],
    ['null', null, 'null'],
    ['undefined', undefined, 'undefined'],
    ['a symbol', Symbol('secret'), 'Symbol(secret)'],
    ['a function', () => {}, 'function'],
    ['a plain object', { password: 'secret' }, 'object'],
    ['an object with a prototype', child, 'object with a prototype of its own'],
    ['an array', ['secret'], 'Array'],
    ['a map', new Map(), 'Map'],
  ])('tells of %s what it is, and of objects nothing more', (_, value, shown) => {
    expect(() => check('The value', value, 'boolean')).toThrow(
      new TypeError(`[mapbus] The value: expected boolean, got ${shown}`),
    );
  });

  it('names the methods that are wanted', () => {
    expect(() => check('store', 7, ['run', 'stop'])).toThrow(
      new TypeError('[mapbus] store: expected an object with run, stop, got 7'),
    );
  });
});

describe('readOptions', () => {
  const known = { once: 'boolean', name: 'string' } as const;

  it('gives a copy, and takes undefined as left out', () => {
    const options = { once: true, name: undefined };

    const copy = readOptions('options', options, known);

    expect(copy).toEqual(options);
    expect(copy).not.toBe(options);
  });

  it.each([
    ['no object', 7, 'options: expected object, got 7'],
    ['a wrong type', { once: 1 }, 'options.once: expected boolean, got 1'],
    ['an unknown option', { twice: true }, 'options: unknown option twice, expected once, name'],
    ['an option that every object inherits', { toString: 1 }, 'options: unknown option toString, expected once, name'],
    ['an unknown option that is undefined', { twice: undefined }, 'options: unknown option twice, expected once, name'],
  ])('throws a TypeError for %s', (_, options, message) => {
    expect(() => readOptions('options', options as object, known)).toThrow(new TypeError(`[mapbus] ${message}`));
  });
});

import { MAX_DELAY_MS } from './max-delay.ts';

/** What a value must be: a result of `typeof`, something narrower, or an object with these methods. */
type Expected =
  | ('function' | 'string' | 'boolean' | 'number' | 'object' | 'array')
  | ('anything' | 'plain object' | 'object of strings' | 'string that is not empty' | 'valid date')
  | ('milliseconds' | 'positive milliseconds' | 'positive integer' | 'positive number' | 'number from 0 to 1')
  | readonly string[];

/** The options that a function takes, and what each must be. */
export type KnownOptions = Readonly<Record<string, Expected>>;

/** An `AbortSignal` is recognised by its methods: it may come from another realm. */
export const ABORT_SIGNAL: Expected = ['addEventListener', 'removeEventListener'];

export const isObject = (value: unknown): value is object =>
  (typeof value === 'object' && value !== null) || typeof value === 'function';

const isDelay = (value: unknown) => typeof value === 'number' && value >= 0 && value <= MAX_DELAY_MS;

const hasMethods = (value: unknown, methods: readonly string[]): boolean =>
  isObject(value) && methods.every((method) => typeof Reflect.get(value, method) === 'function');

/** Whether it has no prototype, or `Object.prototype` of any realm. */
export const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
};

const fits = (value: unknown, expected: Expected): boolean => {
  if (typeof expected === 'object') return hasMethods(value, expected);
  if (expected === 'anything') return true;
  if (expected === 'array') return Array.isArray(value);
  if (expected === 'plain object') return isObject(value) && isPlain(value);
  // A promise, a map, an array or `Headers` would be read as empty.
  if (expected === 'object of strings') return Object.prototype.toString.call(value) === '[object Object]';
  if (expected === 'valid date')
    return hasMethods(value, ['getTime']) && Number.isFinite(Number((value as Date).getTime()));
  if (expected === 'positive integer') return Number.isInteger(value) && Number(value) > 0;
  if (expected === 'number from 0 to 1') return typeof value === 'number' && value >= 0 && value <= 1;
  if (expected === 'positive number') return typeof value === 'number' && value > 0;
  if (expected === 'milliseconds') return isDelay(value);
  if (expected === 'positive milliseconds') return isDelay(value) && value !== 0;
  if (expected === 'string that is not empty') return typeof value === 'string' && value !== '';
  return value !== null && typeof value === expected;
};

/** The value in a message: strings in quotes, objects only by their type. */
const show = (value: unknown): string => {
  if (typeof value === 'string') return JSON.stringify(value);
  if (!isObject(value)) return String(value);
  if (typeof value === 'function') return 'function';
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  if (tag !== 'Object') return tag;
  return isPlain(value) ? 'object' : 'object with a prototype of its own';
};

/** @throws TypeError that names the argument, what was expected and what came */
export const check = (what: string, value: unknown, expected: Expected): void => {
  if (fits(value, expected)) return;
  const wanted = typeof expected === 'object' ? `an object with ${expected.join(', ')}` : expected;
  throw new TypeError(`[mapbus] ${what}: expected ${wanted}, got ${show(value)}`);
};

/** @throws TypeError that names the argument, the texts that it may be and what came */
export const checkOneOf = (what: string, value: unknown, choices: readonly string[]): void => {
  if (choices.some((choice) => choice === value)) return;
  throw new TypeError(`[mapbus] ${what}: expected ${choices.map(show).join(' or ')}, got ${show(value)}`);
};

/**
 * Reads each option once, and checks it; `undefined` counts as left out.
 * @returns a copy of what was checked
 * @throws TypeError for an unknown option, or one of a wrong type
 */
export const readOptions = <Options extends object>(what: string, options: Options, known: KnownOptions): Options => {
  check(what, options, 'object');
  const copy = { ...options };
  // A publish with options comes through here, and `Object.entries` takes longer than a publish without options.
  for (const name of Object.keys(copy)) {
    const value: unknown = Reflect.get(copy, name);
    const expected = Object.hasOwn(known, name) && known[name];
    if (!expected)
      throw new TypeError(`[mapbus] ${what}: unknown option ${name}, expected ${Object.keys(known).join(', ')}`);
    if (value !== undefined) check(`${what}.${name}`, value, expected);
  }
  return copy;
};

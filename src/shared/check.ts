/** What a value must be: what `typeof` says, a number of a kind, or an object with these methods. */
type Expected =
  | ('function' | 'string' | 'boolean' | 'object' | 'positive milliseconds' | 'positive integer')
  | readonly string[];

export type Known = Readonly<Record<string, Expected>>;

/** What an `AbortSignal` is known by: it may come from another realm. */
export const ABORT_SIGNAL: Expected = ['addEventListener', 'removeEventListener'];

export const isObject = (value: unknown): value is object =>
  (typeof value === 'object' && value !== null) || typeof value === 'function';

const fits = (value: unknown, expected: Expected) => {
  if (typeof expected === 'object')
    return isObject(value) && expected.every((method) => typeof Reflect.get(value, method) === 'function');
  if (expected === 'positive integer') return Number.isInteger(value) && Number(value) > 0;
  // Timers hold 31 bits: with a longer delay they would fire at once.
  if (expected === 'positive milliseconds') return typeof value === 'number' && value > 0 && value < 2 ** 31;
  return value !== null && typeof value === expected;
};

/** Throws a `TypeError` that names the argument, what was expected and what came; methods stand for an object. */
export const check = (what: string, value: unknown, expected: Expected): void => {
  if (fits(value, expected)) return;
  const came = typeof value === 'string' ? JSON.stringify(value) : isObject(value) ? typeof value : String(value);
  const wanted = typeof expected === 'object' ? `an object with ${expected.join(', ')}` : expected;
  throw new TypeError(`[mapbus] ${what}: expected ${wanted}, got ${came}`);
};

/** Checks options against what is known of each; `undefined` counts as left out. */
export const checkOptions = (what: string, options: object, known: Known): void => {
  check(what, options, 'object');
  for (const [name, value] of Object.entries(options)) {
    const expected = Object.hasOwn(known, name) && known[name];
    if (!expected)
      throw new TypeError(`[mapbus] ${what}: unknown option ${name}, expected ${Object.keys(known).join(', ')}`);
    if (value !== undefined) check(`${what}.${name}`, value, expected);
  }
};

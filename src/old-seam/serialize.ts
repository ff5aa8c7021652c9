import { createError } from '../shared/errors.ts';

/** Where looking ends, at a cycle too; JSON tells the one from the other. */
const MAX_DEPTH = 32;

const pathOf = (keys: readonly PropertyKey[]) => keys.map((key) => `[${JSON.stringify(key)}]`).join('');

/** What JSON refuses, or leaves out or writes as something else in silence. */
const lossOf = (value: unknown): string | undefined => {
  if (typeof value === 'bigint' || typeof value === 'function' || typeof value === 'symbol') return `a ${typeof value}`;
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (value instanceof Map) return 'a Map';
  return value instanceof Set ? 'a Set' : undefined;
};

/** Where a value has what JSON cannot carry, and what that is. */
const findTrouble = (
  value: unknown,
  keys: readonly string[] = [],
  above: readonly unknown[] = [],
): { keys: readonly string[]; what: string } | undefined => {
  const loss = lossOf(value);
  if (loss) return { keys, what: loss };
  if (typeof value !== 'object' || value === null) return undefined;
  if (above.includes(value)) return { keys, what: 'a cycle' };
  if ('toJSON' in value) return undefined;
  for (const [key, inner] of Object.entries(value)) {
    const trouble = findTrouble(inner, [...keys, key], [...above, value]);
    if (trouble) return trouble;
  }
  return undefined;
};

const refuseLost = (_: string, value: unknown) => {
  const loss = lossOf(value);
  if (loss) throw new TypeError(`JSON cannot carry ${loss}`);
  return value;
};

/** Whether JSON carries all of a value, as far as that is quick to see: asking for it at each value costs JSON more. */
const isPlain = (value: unknown, depth = 0): boolean => {
  if (lossOf(value)) return false;
  if (typeof value !== 'object' || value === null) return true;
  if (depth > MAX_DEPTH || 'toJSON' in value) return false;
  for (const key in value) if (!isPlain(Reflect.get(value, key), depth + 1)) return false;
  return true;
};

/**
 * The JSON of an envelope around a payload; JSON leaves out what is undefined.
 * @throws an error with the code `not_serializable` that names the path
 */
export const serialize = (envelope: { readonly data: unknown; readonly [attribute: string]: unknown }): string => {
  const { data } = envelope;
  try {
    return JSON.stringify(envelope, isPlain(data) ? undefined : refuseLost);
  } catch (cause) {
    const { keys = [], what = 'what its toJSON gives' } = findTrouble(data) ?? {};
    throw createError('not_serializable', `Cannot publish: JSON cannot carry ${what} at payload${pathOf(keys)}`, {
      cause,
    });
  }
};

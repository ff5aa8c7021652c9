import { createError } from '../core/check.ts';

const pathOf = (keys: readonly PropertyKey[]) => keys.map((key) => `[${JSON.stringify(key)}]`).join('');

/** Where a value has what JSON cannot carry, and what that is. */
const findTrouble = (
  value: unknown,
  keys: readonly string[] = [],
  above: readonly unknown[] = [],
): { keys: readonly string[]; what: string } | undefined => {
  if (typeof value === 'bigint' || typeof value === 'function' || typeof value === 'symbol')
    return { keys, what: `a ${typeof value}` };
  if (typeof value !== 'object' || value === null) return undefined;
  if (above.includes(value)) return { keys, what: 'a cycle' };
  if ('toJSON' in value) return undefined;
  for (const [key, inner] of Object.entries(value)) {
    const trouble = findTrouble(inner, [...keys, key], [...above, value]);
    if (trouble) return trouble;
  }
  return undefined;
};

/** As JSON that arrives; functions and symbols, which JSON leaves out in silence, are refused too. */
const refuseLost = (_: string, value: unknown) => {
  if (typeof value === 'function' || typeof value === 'symbol')
    throw new TypeError(`JSON cannot carry a ${typeof value}`);
  return value;
};

/**
 * The JSON of a payload, or nothing for `undefined`.
 * @throws an error with the code `not_serializable` that names the path
 */
export const serialize = (payload: unknown): string | undefined => {
  try {
    return JSON.stringify(payload, refuseLost);
  } catch (cause) {
    const { keys = [], what = 'what its toJSON gives' } = findTrouble(payload) ?? {};
    throw createError('not_serializable', `Cannot publish: JSON cannot carry ${what} at payload${pathOf(keys)}`, cause);
  }
};

import { isPlain } from '../shared/check.ts';

const isDate = (value: object): value is Date => Object.prototype.toString.call(value) === '[object Date]';

const copy = (value: unknown, copies: Map<object, unknown>): unknown => {
  if (typeof value !== 'object' || value === null) return value;
  if (copies.has(value)) return copies.get(value);
  if (isDate(value)) return new Date(value);
  if (!Array.isArray(value) && !isPlain(value)) return value;
  const target = Array.isArray(value) ? new Array(value.length) : {};
  // Before its content, which may contain the value again.
  copies.set(value, target);
  for (const key of Reflect.ownKeys(value)) {
    if (key === 'length' && Array.isArray(value)) continue;
    const inner = copy(Reflect.get(value, key), copies);
    Object.defineProperty(target, key, { value: inner, enumerable: true, configurable: true, writable: true });
  }
  return target;
};

/**
 * Copies plain objects, arrays and dates, however deep. Anything else, such as a function or an instance of a class, stays
 * as it is, and so does a value that cannot be read.
 */
export const copyPlain = <Value>(value: Value): Value => {
  try {
    return copy(value, new Map()) as Value;
  } catch {
    return value;
  }
};

const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
};

/** Copies plain objects, arrays and dates, however deep. Anything else, such as a function or a class, stays as it is. */
export const copyPlain = <Value>(value: Value): Value => copy(value, new Map()) as Value;

const copy = (value: unknown, copies: Map<object, unknown>): unknown => {
  if (typeof value !== 'object' || value === null) return value;
  if (copies.has(value)) return copies.get(value);
  if (value instanceof Date) return new Date(value);
  if (!Array.isArray(value) && !isPlain(value)) return value;
  const target: unknown[] | Record<string, unknown> = Array.isArray(value) ? [] : {};
  // Before its content, which may contain the value again.
  copies.set(value, target);
  for (const [key, inner] of Object.entries(value)) Reflect.set(target, key, copy(inner, copies));
  return target;
};

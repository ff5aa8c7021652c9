import { createError, describeError } from '../shared/errors.ts';

/** Deeper payloads, and cycles, end here: JSON itself would exhaust the stack at some thousand levels. */
const MAX_DEPTH = 1_000;

/** What JSON keeps of an object that is no plain one: lists, boxed values, and what has `toJSON`. */
const KEPT = new Set(['[object Object]', '[object Array]', '[object Number]', '[object String]', '[object Boolean]']);

/** What is wrong, and where. */
interface Loss {
  readonly what: string;
  readonly path: string;
}

const hasToJson = (value: object): value is { readonly toJSON: () => unknown } =>
  'toJSON' in value && typeof value.toJSON === 'function';

/** An `Error`, but a `Uint8Array`. */
const withArticle = (name: string) => `${/^[AEIO]/.test(name) ? 'an' : 'a'} ${name}`;

const childPath = (path: string, key: string) => `${path}[${JSON.stringify(key)}]`;

const findInObject = (value: object, path: string, depth: number): Loss | undefined => {
  if (depth > MAX_DEPTH) return { what: `more than ${MAX_DEPTH} levels`, path };
  if (value instanceof Date && Number.isNaN(value.getTime())) return { what: 'an invalid date', path };
  if (hasToJson(value)) return value instanceof Date ? undefined : findLoss(value.toJSON(), path, depth + 1);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    const tag = Object.prototype.toString.call(value);
    // JSON makes an empty object, or one of numbered keys, of these.
    if (!KEPT.has(tag)) return { what: withArticle(tag.slice(8, -1)), path };
  }
  for (const key of Object.keys(value)) {
    const inner: unknown = Reflect.get(value, key);
    if (typeof inner === 'string' || typeof inner === 'boolean') continue;
    const loss = findLoss(inner, path, depth + 1, key);
    if (loss) return loss;
  }
  return undefined;
};

/** What JSON refuses, leaves out or writes as something else, at the value or below it. */
const findLoss = (value: unknown, path: string, depth: number, key?: string): Loss | undefined => {
  const here = () => (key === undefined ? path : childPath(path, key));
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : { what: String(value), path: here() };
  if (typeof value === 'bigint' || typeof value === 'function' || typeof value === 'symbol')
    return { what: `a ${typeof value}`, path: here() };
  if (typeof value !== 'object' || value === null) return undefined;
  try {
    return findInObject(value, here(), depth);
  } catch (cause) {
    return { what: `what throws when read (${describeError(cause).errorMessage})`, path: here() };
  }
};

/**
 * The payload as JSON; undefined for no payload.
 * @throws an error with the code `not_serializable` that names the path
 */
export const serialize = (payload: unknown): string | undefined => {
  const loss = findLoss(payload, 'payload', 0);
  if (loss) throw createError('not_serializable', `Cannot publish: JSON cannot carry ${loss.what} at ${loss.path}`);
  try {
    return JSON.stringify(payload);
  } catch (cause) {
    throw createError('not_serializable', 'Cannot publish: JSON cannot carry the payload', { cause });
  }
};

import { serialize } from '../service/serialize.ts';
import { isObject } from '../shared/check.ts';

const sorted = (_: string, value: unknown): unknown =>
  isObject(value) && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
    : value;

/**
 * What a snapshot shows, as a text. The order of members says nothing, that of elements does.
 * @throws TypeError for `undefined`, an error with the code `not_serializable` for what JSON cannot carry
 */
export const endStateOf = (snapshot: unknown): string => {
  const json = serialize(snapshot);
  if (json === undefined)
    throw new TypeError(
      '[mapbus] proveIdempotent options.snapshot: expected a function that returns the state, got undefined',
    );
  return JSON.stringify(JSON.parse(json), sorted);
};

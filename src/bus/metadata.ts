import { check } from '../shared/check.ts';
import type { Metadata } from './types.ts';

/**
 * The prototype of metadata. It is empty, so that a missing key reads as `undefined`, also `constructor`. An object with
 * this prototype takes a third of the time of an object without a prototype.
 */
const METADATA_PROTOTYPE: object = Object.freeze(Object.create(null));

/** Empty metadata, to be filled. */
export const createMetadata = (): Record<string, string> => Object.create(METADATA_PROTOTYPE);

export const NO_METADATA: Metadata = Object.freeze(createMetadata());

/** Adds the later metadata to the first. The later one wins. The first is changed, so it must be a copy. */
export const mergeMetadata = (first: Metadata | undefined, later: Metadata | undefined): Metadata | undefined =>
  first && later ? Object.assign(first, later) : (later ?? first);

/**
 * Copies metadata, without keys that are undefined.
 * @throws TypeError if it is no object of strings
 */
export const copyMetadata = (what: string, metadata: unknown): Metadata => {
  check(what, metadata, 'object of strings');
  const copy = createMetadata();
  for (const key of Object.keys(metadata as Metadata)) {
    const value = (metadata as Metadata)[key];
    if (value === undefined) continue;
    if (typeof value !== 'string') check(`${what}.${key}`, value, 'string');
    copy[key] = value;
  }
  return copy;
};

import { check } from '../shared/check.ts';
import type { Metadata } from './types.ts';

/**
 * Copies metadata, without keys that are undefined.
 * @throws TypeError for what is no object of strings
 */
export const copyMetadata = (what: string, metadata: unknown): Metadata => {
  check(what, metadata, 'object of strings');
  const entries = Object.entries(metadata as Metadata).filter(([, value]) => value !== undefined);
  for (const [key, value] of entries) check(`${what}.${key}`, value, 'string');
  return Object.fromEntries(entries);
};

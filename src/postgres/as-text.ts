import { createHash } from 'node:crypto';

/** An array as Postgres reads it from text. */
export const arrayOf = (items: readonly (string | number | null)[]): string =>
  `{${items.map((item) => (item === null ? 'NULL' : `"${String(item).replace(/["\\]/g, '\\$&')}"`)).join(',')}}`;

/** Postgres has no character 0 in text. */
export const escapeZero = (text: string): string => text.replace(/[\\\0]/g, (each) => (each === '\0' ? '\\0' : '\\\\'));

export const unescapeZero = (text: string): string =>
  text.replace(/\\[\\0]/g, (each) => (each === '\\0' ? '\0' : '\\'));

export const withoutZero = (text: string): string => text.replaceAll('\0', '');

/**
 * A number for a key. An index takes no long text, and this is short. Two keys of one number wait for each other, which is
 * rare and harms nothing.
 */
export const hashOf = (key: string): string => createHash('sha256').update(key).digest().readBigInt64BE().toString();

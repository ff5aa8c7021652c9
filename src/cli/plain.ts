// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that it is about
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/**
 * A text without what would move the cursor, change colours or break a line: texts of events and errors are not trusted.
 */
export const plain = (text: string): string =>
  text.replace(CONTROL, (character) =>
    character === '\n' || character === '\t' || character === '\r' ? ' ' : escaped(character),
  );

/** What of them JSON leaves as it is, in its strings. */
const NOT_ESCAPED = /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** A value as JSON that is safe to print: the same to whoever parses it. `undefined` for what JSON has no text for. */
export const toJson = (value: unknown, indent?: number): string | undefined =>
  JSON.stringify(value, undefined, indent)?.replace(NOT_ESCAPED, escaped);

/** A text of this length at most. */
export const cut = (text: string, length: number): string =>
  text.length <= length ? text : `${text.slice(0, Math.max(0, length - 1))}…`;

/** A number as people read it. */
export const count = (number: number): string => number.toLocaleString('en');

/** How many of something. */
export const countOf = (number: number, thing: string): string => `${count(number)} ${thing}${number === 1 ? '' : 's'}`;

/** A time to the second. */
export const time = (at: Date | undefined): string =>
  at === undefined || Number.isNaN(at.getTime()) ? '-' : `${at.toISOString().slice(0, 19)}Z`;

import type { Metadata } from '../bus/types.ts';
import { SOURCE } from '../shared/cloud-event.ts';

/** An event that has arrived. */
export interface Message {
  readonly id: string;
  /** Where it was published first. */
  readonly source: string;
  readonly type: string;
  readonly time: string;
  /** How many links it has passed, with this one. */
  readonly hops: number;
  readonly metadata: Metadata;
  readonly data: unknown;
}

const isText = (value: unknown) => typeof value === 'string' && value;

/** Reads what has arrived, which is not trusted. It is `undefined` if it is no event of a link or of an event stream. */
export const readMessage = (given: unknown): Message | undefined => {
  try {
    const { specversion, metadata = '{}', ...rest } = typeof given === 'string' ? JSON.parse(given) : given;
    const { id, source, type, time, hops } = rest;
    const isOurs =
      specversion === '1.0' &&
      isText(id) &&
      isText(type) &&
      source.startsWith(SOURCE) &&
      Number.isFinite(Date.parse(time)) &&
      hops > 0;
    return isOurs ? { ...rest, metadata: JSON.parse(metadata) } : undefined;
  } catch {
    // It is no JSON, no object, or has no text where a text must be.
    return undefined;
  }
};

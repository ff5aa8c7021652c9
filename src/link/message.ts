import type { Metadata } from '../bus/types.ts';
import { SOURCE } from '../shared/cloud-event.ts';

/** An event that has arrived. */
export interface Message {
  readonly id: string;
  /** Where it was published first. */
  readonly source: string;
  /** What its name should be. It need not be a text. */
  readonly type: string;
  readonly occurredAt: Date;
  /** How many links it has passed, with this one. */
  readonly hops: number;
  readonly metadata: Metadata;
  readonly data: unknown;
}

/** Reads what has arrived, which is not trusted. It is `undefined` if it is no event of a link or of an event stream. */
export const readMessage = (given: unknown): Message | undefined => {
  try {
    const message = typeof given === 'string' ? JSON.parse(given) : given;
    const occurredAt = new Date(message.time);
    const isOurs =
      message.specversion === '1.0' &&
      // It throws for what is no text.
      message.id.trim() &&
      message.source.startsWith(SOURCE) &&
      // It is null for what is no time.
      occurredAt.toJSON() &&
      // So does this for what is no number.
      message.hops.toFixed() > 0;
    if (isOurs) return { ...message, occurredAt, metadata: JSON.parse(message.metadata ?? '{}') };
  } catch {
    // It is no JSON, no object, or has no text where a text must be.
  }
  return undefined;
};

import type { Metadata } from '../bus/types.ts';
import { SOURCE } from '../shared/cloud-event.ts';
import type { RefusedReason } from './types.ts';

/** An event that has arrived. */
export interface Message {
  readonly id: string;
  /** Where it was published first. */
  readonly source: string;
  readonly type: string;
  readonly occurredAt: Date;
  /** How many links it has passed, with this one. */
  readonly hops: number;
  readonly metadata: Metadata;
  readonly data: unknown;
}

/** How many links an event may pass. It ends a circle in which an event is forgotten before it comes back. */
const MAX_HOPS = 8;

/**
 * Reads what has arrived, which is not trusted. Returns the reason if it is not taken.
 * @param names the events that may enter
 */
export const readMessage = (given: unknown, names: ReadonlySet<string>): Message | RefusedReason => {
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
    if (isOurs) {
      if (!names.has(message.type)) return 'name';
      if (message.hops > MAX_HOPS) return 'hops';
      return { ...message, occurredAt, metadata: JSON.parse(message.metadata ?? '{}') };
    }
  } catch {
    // It is no JSON, no object, or has no text where a text must be.
  }
  return 'not_cloudevent';
};

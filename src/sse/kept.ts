import type { EventContext, Metadata } from '../bus/types.ts';
import { SOURCE, toCloudEvent } from '../shared/cloud-event.ts';

/** One event, as it waits for browsers. */
export interface KeptEvent {
  /** As the browser gets it: not the object of the publisher, which may change meanwhile. */
  readonly event: { readonly name: string; readonly payload: unknown };
  readonly metadata: Metadata;
  /** What is sent. */
  readonly text: string;
}

/** The last events of a stream, numbered from 1. */
export const createKept = (size: number) => {
  // Another one for each process and each start, so that a number of another stream is not taken for one of this.
  const epoch = Math.random().toString(36).slice(2);
  const events: KeptEvent[] = [];
  let last = 0;

  const idOf = (number: number): string => `id: ${epoch}.${number}\n`;

  /** @throws what JSON throws for a payload that it cannot carry */
  const add = (payload: unknown, context: EventContext): void => {
    const text = JSON.stringify(toCloudEvent(context, `${SOURCE}sse/${epoch}`, 1, payload));
    const event = Object.freeze({ name: context.name, payload: JSON.parse(text).data });
    events.push({ event, metadata: context.metadata, text: `${idOf(++last)}data: ${text}\n\n` });
    if (events.length > size) events.shift();
  };
  /** The number of the event that a browser has seen last. It is `undefined` if not all events since are kept. */
  const find = (lastEventId: string): number | undefined => {
    const [of, number] = lastEventId.split('.');
    const seen = Number(number);
    return of === epoch && Number.isInteger(seen) && seen <= last && seen >= last - events.length ? seen : undefined;
  };
  /** The event after one of this number, which must be kept. */
  const after = (number: number): KeptEvent | undefined => events[number - last + events.length];

  return { add, find, after, idOf, last: () => last };
};

export type Kept = ReturnType<typeof createKept>;

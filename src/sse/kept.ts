import type { EventContext, Metadata } from '../bus/types.ts';
import { SOURCE, toCloudEvent } from '../shared/cloud-event.ts';

/** One event, as it waits for browsers. */
export interface KeptEvent {
  /** As the browser gets it: not the object of the publisher, which may change meanwhile. All who are asked see the same. */
  readonly event: { readonly name: string; readonly payload: unknown };
  readonly metadata: Metadata;
  /** What is sent. */
  readonly text: string;
}

// Called for each value, the inner ones first.
const freeze = <Value>(_: string, value: Value): Value => Object.freeze(value);

/** The last events of a stream, numbered. */
export const createKept = (size: number) => {
  // It begins anywhere, so that a number of another process, or from before a restart, is not taken for one of this stream.
  const first = Math.floor(Math.random() * 1e15);
  const source = `${SOURCE}sse/${first}`;
  const events: KeptEvent[] = [];
  let last = first;

  const idOf = (number: number): string => `id: ${number}\n`;

  /** @throws what JSON throws for a payload that it cannot carry */
  const add = (payload: unknown, context: EventContext): void => {
    const text = JSON.stringify(toCloudEvent(context, source, 1, payload));
    const event = Object.freeze({ name: context.name, payload: JSON.parse(text, freeze).data });
    events.push({ event, metadata: context.metadata, text: `${idOf(++last)}data: ${text}\n\n` });
    if (events.length > size) events.shift();
  };
  /** The number of the event that a browser has seen last. It is `undefined` if not all events since are kept. */
  const find = (lastEventId: unknown): number | undefined => {
    const seen = Number(lastEventId);
    return Number.isInteger(seen) && seen <= last && seen >= last - events.length ? seen : undefined;
  };
  /** The event after one of this number, which must be kept. */
  const after = (number: number): KeptEvent | undefined => events[number - last + events.length];

  return { add, find, after, idOf, last: () => last };
};

export type Kept = ReturnType<typeof createKept>;

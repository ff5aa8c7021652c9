import { ABORT_SIGNAL, checkOptions, type Known } from '../shared/check.ts';
import { ASYNC_DISPOSE } from '../shared/dispose.ts';
import { createError } from '../shared/errors.ts';
import type { EventName, Subscriber } from './types.ts';

/** How long is iterated, and how much is kept. */
export interface EventsOfOptions {
  /** Ends the iteration when aborted. */
  readonly signal?: AbortSignal | undefined;
  /** How many events wait for a slow consumer. One more fails with the code `buffer_full`. @default 1_000 */
  readonly highWaterMark?: number | undefined;
}

/** The events from the call of `eventsOf` on. Leaving the loop ends the subscription, as does `await using`. */
export interface EventIterator<Payload> extends AsyncIterableIterator<Payload> {
  [Symbol.asyncDispose](): Promise<void>;
}

const KNOWN_OPTIONS: Known = {
  signal: ABORT_SIGNAL,
  highWaterMark: 'positive integer',
};

/** What has been received and not consumed, or the consumers that wait for it. */
const createQueue = <Payload>() => {
  type Next = IteratorResult<Payload, undefined>;
  const done: Next = { done: true, value: undefined };
  const buffer: Payload[] = [];
  let waiting: ((next: Next) => void)[] = [];
  let ended = false;

  const push = (value: Payload) => {
    const resolve = waiting.shift();
    if (resolve) resolve({ done: false, value });
    else buffer.push(value);
  };
  const next = async (): Promise<Next> => {
    if (buffer.length > 0) return { done: false, value: buffer.shift() as Payload };
    return ended ? done : new Promise((resolve) => waiting.push(resolve));
  };
  const end = () => {
    ended = true;
    for (const resolve of waiting) resolve(done);
    waiting = [];
  };

  return { buffer, done, push, next, end };
};

/**
 * Iterates over the payloads of an event. An event that finds the buffer full is a failure of this handler: it is in
 * the result of its publish and in the log, and is skipped here.
 * @example
 * for await (const { orderId } of eventsOf(bus, 'order.placed', { signal })) console.log(orderId);
 */
export const eventsOf = <Events extends object, Name extends EventName<Events>>(
  bus: Subscriber<Events>,
  name: Name,
  options: EventsOfOptions = {},
): EventIterator<Events[Name]> => {
  checkOptions('eventsOf options', options, KNOWN_OPTIONS);
  const { signal, highWaterMark = 1_000 } = options;
  const { buffer, done, push, next, end } = createQueue<Events[Name]>();
  const receive = (payload: Events[Name]) => {
    if (buffer.length >= highWaterMark) {
      throw createError('buffer_full', `eventsOf skipped an event of ${name}: ${highWaterMark} wait already`);
    }
    push(payload);
  };
  const unsubscribe = bus.subscribe(name, receive, { name: 'eventsOf', signal });
  const stop = () => {
    end();
    unsubscribe();
    signal?.removeEventListener('abort', stop);
  };
  if (signal?.aborted) stop();
  signal?.addEventListener('abort', stop);
  const finish = async () => {
    buffer.length = 0;
    stop();
    return done;
  };

  const iterator: EventIterator<Events[Name]> = {
    next,
    return: finish,
    [Symbol.asyncIterator]: () => iterator,
    [ASYNC_DISPOSE]: async () => void (await finish()),
  };
  return iterator;
};

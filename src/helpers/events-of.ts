import { checkOptions, createError, type Known } from '../core/check.ts';
import type { EventName, Subscriber } from '../types.ts';

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
  signal: ['addEventListener', 'removeEventListener'],
  highWaterMark: 'positive integer',
};

const ASYNC_DISPOSE: typeof Symbol.asyncDispose = Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose');

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
  type Next = IteratorResult<Events[Name], undefined>;
  const done: Next = { done: true, value: undefined };
  const buffer: Events[Name][] = [];
  const waiting: ((next: Next) => void)[] = [];
  let ended = signal?.aborted === true;

  const receive = (value: Events[Name]) => {
    const resolve = waiting.shift();
    if (resolve) return resolve({ done: false, value });
    if (buffer.length < highWaterMark) buffer.push(value);
    else throw createError('buffer_full', `eventsOf skipped an event of ${name}: ${highWaterMark} wait already`);
  };
  const unsubscribe = bus.subscribe(name, receive, { name: 'eventsOf', signal });
  const end = () => {
    ended = true;
    unsubscribe();
    signal?.removeEventListener('abort', end);
    for (const resolve of waiting.splice(0)) resolve(done);
  };
  signal?.addEventListener('abort', end);

  const finish = async (): Promise<Next> => {
    buffer.length = 0;
    end();
    return done;
  };
  const next = async (): Promise<Next> => {
    if (buffer.length > 0) return { done: false, value: buffer.shift() as Events[Name] };
    return ended ? done : new Promise((resolve) => waiting.push(resolve));
  };
  const iterator: EventIterator<Events[Name]> = {
    next,
    return: finish,
    [Symbol.asyncIterator]: () => iterator,
    [ASYNC_DISPOSE]: async () => void (await finish()),
  };
  return iterator;
};

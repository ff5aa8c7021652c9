import { onAbort } from '../shared/abort.ts';
import { ABORT_SIGNAL, check, type KnownOptions, readOptions } from '../shared/check.ts';
import { ASYNC_DISPOSE } from '../shared/dispose.ts';
import { createError } from '../shared/errors.ts';
import { addLast, createFifo, empty, itemsOf, sizeOf, takeFirst } from '../shared/fifo.ts';
import { checkNames, subscribeToNames } from './subscribe-to-names.ts';
import type { EventContext, EventName, ReceivedEvent, Subscriber } from './types.ts';

/** When the iteration ends, and how many events may wait. */
export interface EventsOfOptions {
  /** Ends the iteration when aborted. */
  readonly signal?: AbortSignal | undefined;
  /** How many events may wait for a slow loop. The next one fails with the code `buffer_full`. @default 1_000 */
  readonly highWaterMark?: number | undefined;
}

/** The events since the call of `eventsOf`. To leave the loop ends the subscription, as does `await using`. */
export interface EventIterator<Received> extends AsyncIterableIterator<Received> {
  [Symbol.asyncDispose](): Promise<void>;
}

const KNOWN_OPTIONS: KnownOptions = {
  signal: ABORT_SIGNAL,
  highWaterMark: 'positive integer',
};

type Next = IteratorResult<unknown, undefined>;
const DONE: Next = Object.freeze({ done: true, value: undefined });

/** Events that were received and not consumed yet, or consumers that wait for events. */
const createQueue = () => {
  const events = createFifo<unknown>();
  const consumers = createFifo<(next: Next) => void>();
  let isEnded = false;

  const push = (event: unknown): void => {
    const consume = takeFirst(consumers);
    if (consume) consume({ done: false, value: event });
    else addLast(events, event);
  };
  const next = (): Promise<Next> => {
    // Asked by the count: an event may be `undefined`.
    if (sizeOf(events) > 0) return Promise.resolve({ done: false, value: takeFirst(events) });
    return isEnded ? Promise.resolve(DONE) : new Promise((resolve) => addLast(consumers, resolve));
  };
  const end = (): void => {
    isEnded = true;
    for (const consume of itemsOf(consumers)) consume(DONE);
    empty(consumers);
  };
  return { push, next, end, clear: () => empty(events), size: () => sizeOf(events) };
};

/**
 * Iterates over the payloads of one name. With a list of names it iterates over `{ name, payload, context }`. It ends when
 * the loop is left, when `signal` is aborted and when the bus closes; events that wait by then are still given. An event
 * that finds the buffer full is a failure of this handler, in the result and in the log of its publish, and is skipped.
 * @throws TypeError for a bad argument; an error with the code `closed` once `close` was called
 * @example
 * for await (const { orderId } of eventsOf(bus, 'order.placed', { signal })) console.log(orderId);
 * for await (const { name, payload, context } of eventsOf(bus, ['order.placed', 'order.paid'])) log(name, context.id);
 */
export function eventsOf<Events extends object, Name extends EventName<Events>>(
  bus: Subscriber<Events>,
  name: Name,
  options?: EventsOfOptions,
): EventIterator<Events[Name]>;
export function eventsOf<Events extends object, Name extends EventName<Events>>(
  bus: Subscriber<Events>,
  names: readonly Name[],
  options?: EventsOfOptions,
): EventIterator<ReceivedEvent<Events, Name>>;
export function eventsOf<Events extends object>(
  bus: Subscriber<Events>,
  names: EventName<Events> | readonly EventName<Events>[],
  options: EventsOfOptions = {},
): EventIterator<unknown> {
  check('bus', bus, ['subscribe']);
  checkNames(names);
  const { signal, highWaterMark = 1_000 } = readOptions('eventsOf options', options, KNOWN_OPTIONS);
  const queue = createQueue();
  const receive = (received: unknown, { name }: EventContext) => {
    // Another listener may have stopped the event `abort`.
    if (signal?.aborted) {
      stop();
      return;
    }
    if (queue.size() >= highWaterMark)
      throw createError('buffer_full', `eventsOf skipped an event of ${name}: ${highWaterMark} wait already`);
    queue.push(received);
  };
  let unsubscribe = () => {};
  const stopListening = signal && onAbort(signal, () => stop());
  const stop = () => {
    queue.end();
    unsubscribe();
    stopListening?.();
  };
  try {
    unsubscribe = subscribeToNames(bus, names, receive, { name: 'eventsOf', onClose: queue.end });
  } catch (error) {
    stop();
    throw error;
  }
  if (signal?.aborted) stop();

  const finish = async (): Promise<Next> => {
    queue.clear();
    stop();
    return DONE;
  };
  const iterator: EventIterator<unknown> = {
    next: () => {
      if (signal?.aborted) stop();
      return queue.next();
    },
    return: finish,
    throw: async (error: unknown) => {
      await finish();
      throw error;
    },
    [Symbol.asyncIterator]: () => iterator,
    [ASYNC_DISPOSE]: async () => void (await finish()),
  };
  return iterator;
}

import { onAbort } from '../shared/abort.ts';
import { ABORT_SIGNAL, check, type KnownOptions, readOptions } from '../shared/check.ts';
import { createError, isEventBusError } from '../shared/errors.ts';
import { whenSettled } from '../shared/promises.ts';
import { checkNames, subscribeToNames } from './subscribe-to-names.ts';
import type { EventContext, EventName, ReceivedEvent, Subscriber } from './types.ts';

/** Which event is waited for, and how long. */
export interface WaitForOptions<Received> {
  /** Whether this is the event. What it throws rejects the promise. @default every event */
  readonly filter?: ((received: Received, context: EventContext) => boolean) | undefined;
  /** The promise rejects with its reason when aborted. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds until the promise rejects with the code `timeout`. @default no limit */
  readonly timeoutMs?: number | undefined;
}

/** As `WaitForOptions`, with a filter that narrows the type of the result. */
export interface WaitForWantedOptions<Received, Wanted extends Received>
  extends Omit<WaitForOptions<Received>, 'filter'> {
  /** A type predicate: whether this is the event. */
  readonly filter: (received: Received, context: EventContext) => received is Wanted;
}

/** The options of all overloads. */
interface AnyWaitForOptions {
  readonly filter?: ((received: never, context: EventContext) => boolean) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
}

const ignore = () => {};

const KNOWN_OPTIONS: KnownOptions = {
  filter: 'function',
  signal: ABORT_SIGNAL,
  timeoutMs: 'positive milliseconds',
};

/**
 * Waits for the next event of a name, and resolves with its payload. With a list of names it resolves with
 * `{ name, payload, context }`. However it ends, no subscription is left.
 * @throws TypeError for a bad argument, at once. The promise rejects with the reason of `signal`, with the code `timeout`,
 * or with the code `closed` when the bus closes.
 * @example
 * const { orderId } = await waitFor(bus, 'order.placed', { filter: ({ total }) => total > 100, timeoutMs: 5_000 });
 * const { name, payload } = await waitFor(bus, ['order.paid', 'order.cancelled']);
 */
export function waitFor<Events extends object, Name extends EventName<Events>, Wanted extends Events[Name]>(
  bus: Subscriber<Events>,
  name: Name,
  options: WaitForWantedOptions<Events[Name], Wanted>,
): Promise<Wanted>;
export function waitFor<Events extends object, Name extends EventName<Events>>(
  bus: Subscriber<Events>,
  name: Name,
  options?: WaitForOptions<Events[Name]>,
): Promise<Events[Name]>;
export function waitFor<
  Events extends object,
  Name extends EventName<Events>,
  Wanted extends ReceivedEvent<Events, Name>,
>(
  bus: Subscriber<Events>,
  names: readonly Name[],
  options: WaitForWantedOptions<ReceivedEvent<Events, Name>, Wanted>,
): Promise<Wanted>;
export function waitFor<Events extends object, Name extends EventName<Events>>(
  bus: Subscriber<Events>,
  names: readonly Name[],
  options?: WaitForOptions<ReceivedEvent<Events, Name>>,
): Promise<ReceivedEvent<Events, Name>>;
export function waitFor<Events extends object>(
  bus: Subscriber<Events>,
  names: EventName<Events> | readonly EventName<Events>[],
  options: AnyWaitForOptions = {},
): Promise<unknown> {
  check('bus', bus, ['subscribe']);
  checkNames(names);
  const { filter, signal, timeoutMs } = readOptions('waitFor options', options, KNOWN_OPTIONS);
  if (signal?.aborted) return Promise.reject(signal.reason);

  let resolve!: (received: unknown) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<unknown>((resolvePromise, rejectPromise) => {
    resolve = resolvePromise;
    reject = rejectPromise;
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopListening: (() => void) | undefined;
  let unsubscribe = () => {};
  const end = () => {
    unsubscribe();
    stopListening?.();
    clearTimeout(timer);
  };
  const fail = (error: unknown) => {
    end();
    reject(error);
  };
  const receive = (received: unknown, context: EventContext) => {
    // Another listener may have stopped the event `abort`.
    if (signal?.aborted) {
      fail(signal.reason);
      return;
    }
    let isWanted: unknown;
    try {
      isWanted = filter === undefined || filter(received as never, context);
      if (typeof isWanted !== 'boolean')
        throw new TypeError(`[mapbus] waitFor options.filter: expected to return a boolean, got ${typeof isWanted}`);
      if (!isWanted) return;
    } catch (error) {
      fail(error);
      // The promise of an asynchronous filter may reject. That must not be an unhandled rejection.
      whenSettled(isWanted, ignore, ignore);
      return;
    }
    end();
    resolve(received);
  };
  const onClose = () => fail(createError('closed', 'waitFor: the bus was closed'));
  try {
    stopListening = signal && onAbort(signal, () => fail(signal.reason));
    unsubscribe = subscribeToNames(bus, names, receive, { name: 'waitFor', onClose });
  } catch (error) {
    end();
    if (isEventBusError(error, 'closed')) return Promise.reject(error);
    throw error;
  }
  const expire = () => {
    const wanted = Array.isArray(names) ? names.join(', ') : names;
    fail(createError('timeout', `waitFor: no ${wanted} within ${timeoutMs} ms`, { name: 'TimeoutError' }));
  };
  if (timeoutMs !== undefined) timer = setTimeout(expire, timeoutMs);
  return promise;
}

import { createEventBus } from '../bus/create-event-bus.ts';
import type { Log } from '../bus/log.ts';
import type { EventBus, Subscriber } from '../bus/types.ts';
import { check } from '../shared/check.ts';
import { toUnsubscribe } from '../shared/dispose.ts';
import { createError } from '../shared/errors.ts';
import { sleep } from '../shared/sleep.ts';
import type { Connection, Receiving } from '../transport/index.ts';
import { open } from './envelope.ts';

const PAUSE_MS = 1_000;

interface Listening {
  isStopped: boolean;
  started: Promise<Receiving | undefined> | undefined;
}

type UntypedBus = EventBus<Record<string, unknown>>;

/** Buses that are fed by the transport: what every process publishes, from now on, at most once. */
export const createTails = (connection: Connection, log: Log['write'], isClosing: () => boolean) => {
  /** Those that listen. A tail without a subscription is not kept. */
  const buses = new Set<UntypedBus>();
  const all = new Set<Listening>();
  let trouble: unknown;

  /** Tries until it succeeds or is stopped. */
  const startOne = async (
    one: Listening,
    start: () => Promise<Receiving>,
    eventNames: readonly string[],
  ): Promise<Receiving | undefined> => {
    while (!one.isStopped) {
      try {
        return await start();
      } catch (error) {
        trouble = error;
        log('error', 'event_tail_failed', { eventNames, error });
        await sleep(PAUSE_MS);
      }
    }
    return undefined;
  };
  const stopOne = async (one: Listening): Promise<void> => {
    one.isStopped = true;
    all.delete(one);
    try {
      await (await one.started)?.stop();
    } catch (error) {
      log('warn', 'event_tail_stop_failed', { error });
    }
  };

  const tail = (names: readonly string[]): Subscriber<Record<string, unknown>> => {
    const start = connection.tail;
    if (!start) throw new TypeError('[mapbus] tail: this transport cannot tell what is published');
    check('tail names', names, 'array');
    for (const name of names) check('event name', name, 'string that is not empty');
    if (names.length === 0) throw new TypeError('[mapbus] tail names: expected at least one name, got none');
    if (isClosing()) throw createError('closed', 'Cannot tail: the bus is closed');
    const wanted = [...new Set(names)];
    const write = (level: 'debug' | 'warn' | 'error') => (message: string, fields: Record<string, unknown>) =>
      log(level, message, fields);
    const bus: UntypedBus = createEventBus({
      logger: { debug: write('debug'), warn: write('warn'), error: write('error') },
      logPublish: () => false,
    });
    let listening: Listening | undefined;
    const stopListening = () => {
      buses.delete(bus);
      if (listening) void stopOne(listening);
      listening = undefined;
    };
    const tell = (body: string | Uint8Array): void => {
      if (bus.handlerCount() === 0) {
        stopListening();
        return;
      }
      const event = open(body);
      if ('reason' in event) return;
      const { name, payload, id, occurredAt, metadata } = event;
      void bus.publish(name, payload, { id, occurredAt, metadata });
    };
    const listen = () => {
      if (listening) return;
      const one: Listening = { isStopped: false, started: undefined };
      listening = one;
      buses.add(bus);
      // A function of its own each: the end of one must not end the next, nor may an event come twice while it ends.
      const tellOne = (body: string | Uint8Array) => {
        if (!one.isStopped) tell(body);
      };
      one.started = startOne(one, () => start(wanted, tellOne), wanted);
      all.add(one);
    };
    return {
      subscribe: (name, handler, options) => {
        if (isClosing()) throw createError('closed', 'Cannot subscribe: the bus is closed');
        const unsubscribe = bus.subscribe(name, handler, options);
        listen();
        return toUnsubscribe(() => {
          unsubscribe();
          if (bus.handlerCount() === 0) stopListening();
        });
      },
    };
  };

  /** Resolves when every tail so far hears what is published. */
  const ready = async (): Promise<void> => {
    await Promise.all([...all].map(({ started }) => started));
  };
  const stop = async (): Promise<void> => {
    await Promise.all([...all].map(stopOne));
    await Promise.all([...buses].map((bus) => bus.close({ drainTimeoutMs: 0 })));
  };
  return { tail, ready, trouble: () => trouble, stop };
};

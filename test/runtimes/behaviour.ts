// What must hold in every runtime, without a test runner: each throws if it does not. Given the package as it was
// imported or required, so that one file serves both formats.
import type * as Mapbus from 'mapbus';

type AsyncLocalStorage = new () => Mapbus.ContextStorage;

interface Events {
  ping: number;
  pong: number;
}

const equal = (actual: unknown, expected: unknown) => {
  const [came, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (came !== wanted) throw new Error(`expected ${wanted}, got ${came}`);
};

const nameOf = (error: unknown) => (error instanceof Object && 'name' in error ? error.name : typeof error);

/** The constructor, where the runtime has one. */
export const findAsyncLocalStorage = (): AsyncLocalStorage | undefined => {
  const runtime = globalThis as {
    process?: { getBuiltinModule?: (name: string) => Record<string, AsyncLocalStorage> };
  };
  return runtime.process?.getBuiltinModule?.('node:async_hooks')?.AsyncLocalStorage;
};

const codeOf = (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error);

export const createBehaviours = (mapbus: typeof Mapbus) => {
  const { createEventBus, waitFor, eventsOf, subscribeEach, assertHandled, isEventBusError } = mapbus;
  const logger = { debug: () => {}, warn: () => {}, error: () => {} };
  const create = (options: Mapbus.EventBusOptions = {}) => createEventBus<Events, string>({ logger, ...options });
  const fail = (error: unknown) => () => {
    throw error;
  };

  const behaviours: Record<string, () => Promise<void>> = {
    'handlers start in order, before publish returns': async () => {
      const { subscribe, subscribeAll, publish } = create();
      const calls: unknown[] = [];
      subscribe('ping', (value) => calls.push(value));
      subscribeAll(({ name }) => calls.push(name));
      subscribe('ping', async () => calls.push('async'));
      const published = publish('ping', 1);
      equal(calls, [1, 'ping', 'async']);
      equal((await published).handlerCount, 3);
    },
    'a failing handler costs only itself': async () => {
      const { subscribe, publish } = create();
      let calls = 0;
      subscribe('ping', fail(undefined), { name: 'throws' });
      subscribe('ping', () => Promise.reject(new Error('no')), { name: 'rejects' });
      subscribe('ping', () => calls++);
      const result = await publish('ping', 1);
      equal([calls, result.failures.map(({ handlerName }) => handlerName)], [1, ['throws', 'rejects']]);
      const error: unknown = await Promise.resolve(result).then(assertHandled).catch(Object);
      equal([isEventBusError(error, 'handler_failed'), codeOf(error)], [true, 'handler_failed']);
    },
    'ids are UUIDv7 in publish order': async () => {
      const { subscribe, publish } = create();
      const contexts: { id: string }[] = [];
      subscribe('ping', (_, context) => contexts.push(context));
      for (let value = 0; value < 100; value++) await publish('ping', value);
      const ids = contexts.toReversed().map(({ id }) => id);
      equal(ids.toReversed(), ids.toSorted());
      equal(
        ids.every((id) => /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id)),
        true,
      );
    },
    'results and contexts can be shown': async () => {
      const { subscribe, publish } = create();
      const shown: string[] = [];
      subscribe('ping', (_, context) => shown.push(JSON.stringify(context)));
      const result = await publish('ping', 1, { id: 'a', occurredAt: new Date(0), session: 'transaction' });
      const event = { name: 'ping', id: 'a', occurredAt: '1970-01-01T00:00:00.000Z', metadata: {} };
      equal(shown, [JSON.stringify(event)]);
      equal(result, { ...event, handlerCount: 1, failures: [] });
    },
    'metadata and session reach the handlers': async () => {
      const { subscribe, publish, getMetadata, getSession } = create();
      const seen: unknown[] = [];
      subscribe('ping', async (_, { metadata, session }) => {
        seen.push(metadata, session, getMetadata(), getSession());
        await undefined;
        seen.push(getMetadata());
      });
      await publish('ping', 1, { metadata: { trace_id: 'a' }, session: 'transaction' });
      equal(seen, [{ trace_id: 'a' }, 'transaction', { trace_id: 'a' }, 'transaction', {}]);
    },
    'with AsyncLocalStorage, metadata is right everywhere below a handler': async () => {
      const AsyncLocalStorage = findAsyncLocalStorage();
      if (!AsyncLocalStorage) return;
      const { subscribe, publish, getMetadata } = create({ contextStorage: new AsyncLocalStorage() });
      const seen: unknown[] = [];
      subscribe('ping', async () => {
        await new Promise((resolve) => setTimeout(resolve));
        seen.push(getMetadata());
      });
      await Promise.all(['a', 'b'].map((trace_id) => publish('ping', 1, { metadata: { trace_id } })));
      equal(seen, [{ trace_id: 'a' }, { trace_id: 'b' }]);
    },
    'metadata is carried on, with the option metadata or with from': async () => {
      const { subscribe, publish } = create({ metadata: ({ trace_id = 'new' }) => ({ trace_id }) });
      const seen: unknown[] = [];
      subscribe('ping', async (value, context) => {
        void publish('pong', value);
        await undefined;
        await publish('pong', value, { from: context });
      });
      subscribe('pong', (_, { metadata }) => seen.push(metadata.trace_id));
      await publish('ping', 1, { metadata: { trace_id: 'a' } });
      await publish('pong', 1);
      equal(seen, ['a', 'a', 'new']);
    },
    'observers see publishes, calls and log lines, and change no outcome': async () => {
      const seen: string[] = [];
      const observer: Mapbus.Observer = {
        publish: ({ name }, run) => {
          seen.push(name);
          return run({ added: 'yes' });
        },
        handle: async ({ handlerName, context }, run) => {
          seen.push(`${handlerName} ${context.metadata.added}`);
          await Promise.resolve(run()).catch(() => seen.push('failed'));
        },
        log: (_, message) => seen.push(message),
      };
      const { subscribe, publish } = create({ observers: [observer], logPublish: () => false });
      subscribe('ping', () => Promise.reject(new Error('no')), { name: 'rejects' });
      const { failures } = await publish('ping', 1);
      equal([seen.sort(), failures.length], [['event_handler_failed', 'failed', 'ping', 'rejects yes'], 1]);
    },
    'subscribeEach registers a record of handlers': async () => {
      const bus = create();
      const seen: unknown[] = [];
      const unsubscribe = subscribeEach(bus, { ping: (value) => seen.push(value), pong: (value) => seen.push(-value) });
      await Promise.all([bus.publish('ping', 1), bus.publish('pong', 2)]);
      unsubscribe();
      equal([seen, bus.handlerCount()], [[1, -2], 0]);
    },
    'once, signal and unsubscribe end a subscription': async () => {
      const { subscribe, publish, handlerCount } = create();
      const controller = new AbortController();
      subscribe('ping', () => {}, { once: true });
      subscribe('ping', () => {}, { signal: controller.signal });
      const unsubscribe = subscribe('ping', () => {});
      await publish('ping', 1);
      controller.abort();
      equal(handlerCount(), 1);
      unsubscribe[Symbol.dispose ?? Symbol.for('Symbol.dispose')]();
      equal(handlerCount(), 0);
    },
    'a time limit aborts the signal of its handler': async () => {
      const { subscribe, publish } = create();
      const reasons: unknown[] = [];
      const waitForAbort = (_: number, { signal }: Mapbus.EventContext) =>
        new Promise(() => signal.addEventListener('abort', () => void reasons.push(nameOf(signal.reason))));
      subscribe('ping', waitForAbort, { timeoutMs: 5 });
      const { failures } = await publish('ping', 1);
      equal([reasons, failures.map(({ error }) => nameOf(error))], [['TimeoutError'], ['TimeoutError']]);
    },
    'waitFor and eventsOf': async () => {
      const bus = create();
      const waited = waitFor(bus, 'ping', { filter: (value) => value > 1 });
      const events = eventsOf(bus, 'ping');
      const both = eventsOf(bus, ['ping', 'pong']);
      for (const value of [1, 2]) void bus.publish('ping', value);
      equal([await waited, (await events.next()).value, (await events.next()).value], [2, 1, 2]);
      const { value: received } = await both.next();
      equal([received?.name, received?.payload], ['ping', 1]);
      await Promise.all([events.return?.(), both.return?.()]);
      equal(bus.handlerCount(), 0);
      equal(await waitFor(bus, 'pong', { timeoutMs: 5 }).catch(nameOf), 'TimeoutError');
    },
    'close waits for handlers and for what they publish, then refuses': async () => {
      const bus = create();
      const seen: unknown[] = [];
      bus.subscribe('ping', async (value) => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        await bus.publish('pong', value);
      });
      bus.subscribe('pong', (value) => seen.push(value));
      const waited = waitFor(bus, 'pong', { filter: (value) => value > 1 }).catch(codeOf);
      void bus.publish('ping', 1);
      await bus[Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]();
      equal([seen, (await bus.publish('ping', 2)).error?.code, await waited], [[1], 'closed', 'closed']);
    },
    'bad arguments throw a TypeError that tells': async () => {
      const { subscribe } = create();
      equal(
        await Promise.resolve()
          .then(() => subscribe('ping', 42 as never))
          .catch(String),
        'TypeError: [mapbus] handler: expected function, got 42',
      );
    },
  };
  return behaviours;
};

/** What failed, as lines; empty when all is well. */
export const findFailures = async (mapbus: typeof Mapbus): Promise<string[]> => {
  const failures: string[] = [];
  for (const [name, behave] of Object.entries(createBehaviours(mapbus))) {
    await behave().catch((error: unknown) => failures.push(`${name}: ${error}`));
  }
  return failures;
};

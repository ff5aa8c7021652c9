import { createServiceBus, memory } from 'mapbus/service';
import type { Connection, Deliver, Delivery, Outcome, Transport } from 'mapbus/transport';
import { expect, it, vi } from 'vitest';

interface Events {
  placed: { n: number };
  paid: { n: number };
}
const sleep = (ms: number) => new Promise<void>((r) => setTimeout(r, ms));
const FEATURES = {
  durable: true,
  enlists: false,
  ordersByKey: true,
  ordersAcrossNames: true,
  tails: true,
  keepsDeadLetters: false,
  tellsUnrouted: false,
  countsDeliveries: true,
  keepsAttemptsByKey: true,
  expiresConsumers: true,
  maxDelayMs: 1e9,
  maxBytes: undefined,
};
const fake = (parts: Partial<Connection>): { transport: Transport; deliver: () => Deliver } => {
  let deliver: Deliver = async () => ({ is: 'done' });
  return {
    deliver: () => deliver,
    transport: {
      connect: () => ({
        features: FEATURES,
        publish: async () => ({}),
        declare: async () => {},
        consume: async (_, d) => {
          deliver = d;
          return { stop: async () => {} };
        },
        health: () => ({ connected: true, since: new Date() }),
        close: async () => {},
        ...parts,
      }),
    },
  };
};
const make = (options: object = {}) => {
  const lines: { message: string; fields: Record<string, unknown> }[] = [];
  const write = (message: string, fields: Record<string, unknown>) => void lines.push({ message, fields });
  const bus = createServiceBus<Events>({
    service: 'shop',
    transport: memory(),
    sends: 'all',
    logPublish: () => false,
    consumers: { retryDelayMs: 5 },
    logger: { debug: write, warn: write, error: write },
    ...options,
  });
  return { bus, lines, logged: (m: string) => lines.filter(({ message }) => message === m) };
};
const body = (n: number, name = 'placed') =>
  JSON.stringify({ specversion: '1.0', id: `i${n}`, source: '/x', type: name, data: { n } });
const delivery = (n: number, signal = new AbortController().signal, more: Partial<Delivery> = {}): Delivery => ({
  body: body(n),
  headers: {},
  key: undefined,
  attempt: 1,
  deliveries: 1,
  signal,
  ...more,
});

it('nothing is due when idle() resolves, also after a local handler that publishes', async () => {
  const { bus } = make();
  const seen: number[] = [];
  bus.consume('paid', 'ledger', ({ n }) => void seen.push(n));
  await bus.ready();
  bus.subscribe('placed', async ({ n }) => {
    await sleep(20);
    await bus.publish('paid', { n });
  });
  void bus.publish('placed', { n: 1 });
  await bus.idle();
  expect(seen).toEqual([1]);
});
it('a consume at any microtask of another that gets in force is put in force too', async () => {
  const failed: number[] = [];
  for (let ticks = 0; ticks < 40; ticks++) {
    const { bus } = make();
    bus.consume('placed', 'a', () => {});
    for (let n = 0; n < ticks; n++) await undefined;
    bus.consume('placed', 'b', () => {});
    await bus.ready();
    await sleep(1);
    if (!bus.health().consumers.every(({ inForce }) => inForce)) failed.push(ticks);
    await bus.close();
  }
  expect(failed).toEqual([]);
});
it('ready() waits until a tail is in force', async () => {
  let inForce = false;
  const { transport } = fake({
    tail: async () => {
      await sleep(50);
      inForce = true;
      return { stop: async () => {} };
    },
  });
  const { bus } = make({ transport });
  bus.tail(['placed']).subscribe('placed', () => {});
  await bus.ready();
  expect(inForce).toBe(true);
});
it('a tail that could not start is tried again', async () => {
  let calls = 0;
  const { transport } = fake({
    tail: async () => {
      if (++calls === 1) throw new Error('away');
      return { stop: async () => {} };
    },
  });
  const { bus } = make({ transport });
  bus.tail(['placed']).subscribe('placed', () => {});
  await sleep(2_500);
  expect(calls).toBe(2);
});
it('a tail ends when nobody listens any more', async () => {
  let open = 0;
  const { transport } = fake({
    tail: async () => {
      open++;
      return {
        stop: async () => {
          open--;
        },
      };
    },
  });
  const { bus } = make({ transport });
  for (let n = 0; n < 100; n++) {
    const off = bus.tail(['placed']).subscribe('placed', () => {});
    await sleep(0);
    off();
  }
  await sleep(50);
  expect(open).toBeLessThan(2);
});
it('a delivery that was lost while it waited for room is not handled', async () => {
  const { transport, deliver } = fake({});
  const { bus } = make({ transport, concurrency: 1 });
  const seen: number[] = [];
  bus.consume('placed', 'mail', async ({ n }) => {
    seen.push(n);
    await sleep(50);
  });
  await bus.ready();
  const lost = new AbortController();
  const first = deliver()(delivery(1));
  const second = deliver()(delivery(2, lost.signal));
  lost.abort(new Error('lost'));
  await Promise.all([first, second]);
  expect(seen).toEqual([1]);
});
it('a dead letter that the transport drops is not reported as one', async () => {
  const { transport, deliver } = fake({});
  const { bus, logged } = make({ transport });
  const lost = new AbortController();
  bus.consume(
    'placed',
    'mail',
    async () => {
      await sleep(20);
      throw new Error('no');
    },
    { maxAttempts: 1 },
  );
  await bus.ready();
  const handling = deliver()(delivery(1, lost.signal));
  lost.abort(new Error('lost'));
  await handling;
  expect(logged('event_dead_lettered')).toHaveLength(0);
});
it('a consumer that cannot be declared does not keep the others from being in force', async () => {
  const { transport } = fake({
    declare: async (specs) => {
      if (specs.some(({ consumer }) => consumer === 'bad')) throw new Error('PRECONDITION_FAILED');
    },
  });
  const { bus } = make({ transport, readyTimeoutMs: 300 });
  bus.consume('placed', 'bad', () => {});
  bus.consume('placed', 'good', () => {});
  await bus.ready().catch(() => {});
  expect(bus.health().consumers.map(({ consumer, inForce }) => [consumer, inForce])).toEqual([
    ['bad', false],
    ['good', true],
  ]);
  await bus.close();
});
it('a handler of one name does not get an event of another', async () => {
  const { transport, deliver } = fake({});
  const { bus } = make({ transport });
  const seen: unknown[] = [];
  bus.consume('placed', 'mail', (_, { name }) => void seen.push(name));
  await bus.ready();
  await deliver()(delivery(1, undefined, { body: body(1, 'paid') }));
  expect(seen).toEqual([]);
});
it('a stop that fails crashes nothing', async () => {
  const { transport } = fake({
    consume: async () => ({
      stop: async () => {
        throw new Error('away');
      },
    }),
  });
  const { bus } = make({ transport });
  const unhandled: unknown[] = [];
  const listener = (e: unknown) => void unhandled.push(e);
  process.on('unhandledRejection', listener);
  const stop = bus.consume('placed', 'mail', () => {});
  bus.consume('placed', 'other', () => {});
  await bus.ready();
  stop();
  await sleep(20);
  process.off('unhandledRejection', listener);
  const closed = await bus.close().then(
    () => 'closed',
    (e) => `rejected: ${e.message}`,
  );
  expect([unhandled.length, closed]).toEqual([0, 'closed']);
});
it('a retryDelayMs above two minutes is kept or refused', async () => {
  const { transport, deliver } = fake({});
  const { bus } = make({ transport });
  let outcome: Outcome | undefined;
  try {
    bus.consume(
      'placed',
      'mail',
      () => {
        throw new Error('no');
      },
      { retryDelayMs: 600_000 },
    );
    await bus.ready();
    outcome = await deliver()(delivery(1));
  } catch {
    return;
  }
  expect(outcome?.is === 'retry' && outcome.afterMs).toBeGreaterThan(400_000);
});
it('afterMs never exceeds maxDelayMs of the transport', async () => {
  const { transport, deliver } = fake({ features: { ...FEATURES, maxDelayMs: 1_000 } });
  const { bus } = make({ transport });
  bus.consume(
    'placed',
    'mail',
    () => {
      throw new Error('no');
    },
    { retryDelayMs: 30_000 },
  );
  await bus.ready();
  const outcome = await deliver()(delivery(1));
  expect(outcome.is === 'retry' && outcome.afterMs).toBeLessThanOrEqual(1_000);
});
it('two hung handlers do not hold events that another process could take', async () => {
  const hub = memory();
  const a = make({ transport: hub }).bus;
  a.consume('placed', 'mail', () => new Promise(() => {}), { timeoutMs: 20, concurrency: 2 });
  await a.ready();
  for (let n = 0; n < 2; n++) await a.publish('placed', { n });
  await vi.waitFor(() => expect(a.health().consumers[0]?.abandoned).toBe(2));
  const b = make({ transport: hub }).bus;
  const seen = new Set<number>();
  b.consume('placed', 'mail', ({ n }) => void seen.add(n));
  await b.ready();
  for (let n = 2; n < 22; n++) await b.publish('placed', { n });
  await sleep(500);
  expect(seen.size).toBe(22);
});
it('what waits behind hung handlers is no reason to hang close, and the transport gets an answer or its stop', async () => {
  const { transport, deliver } = fake({});
  const { bus } = make({ transport });
  bus.consume('placed', 'mail', () => new Promise(() => {}), { timeoutMs: 10, concurrency: 1 });
  await bus.ready();
  await deliver()(delivery(1));
  let outcome: unknown = 'none';
  void deliver()(delivery(2)).then((o) => {
    outcome = o;
  });
  await sleep(10);
  await bus.close({ drainTimeoutMs: 100 });
  await sleep(10);
  expect(outcome).not.toBe('none');
});
it('a delivery whose signal is aborted already is not handled', async () => {
  const { transport, deliver } = fake({});
  const { bus } = make({ transport });
  const seen: number[] = [];
  bus.consume('placed', 'mail', ({ n }) => void seen.push(n));
  await bus.ready();
  await deliver()(delivery(1, AbortSignal.abort()));
  expect(seen).toEqual([]);
});
it('outcomes given before close are there when close is called', async () => {
  const events: string[] = [];
  let push: Deliver = async () => ({ is: 'done' });
  const { transport } = fake({
    consume: async (_, d) => {
      push = d;
      return { stop: async () => void events.push('stop') };
    },
    close: async () => void events.push('close'),
  });
  const { bus } = make({ transport });
  bus.consume('placed', 'mail', () => sleep(30));
  await bus.ready();
  const outcome = push(delivery(1)).then(async () => {
    events.push('outcome');
    await sleep(10);
    events.push('carried out');
  });
  await sleep(5);
  await bus.close();
  await outcome;
  expect(events).toEqual(['stop', 'outcome', 'close', 'carried out']);
});
it('a rolling deploy that adds a name dead-letters nothing, also with maxAttempts 1', async () => {
  const hub = memory();
  const a = make({ transport: hub, consumers: { maxAttempts: 1 } });
  a.bus.consume(['placed'], 'ledger', () => {});
  await a.bus.ready();
  const b = make({ transport: hub, consumers: { maxAttempts: 1 } });
  const seen = new Set<number>();
  b.bus.consume(['placed', 'paid'], 'ledger', ({ payload }) => void seen.add(payload.n));
  await b.bus.ready();
  for (let n = 0; n < 30; n++) await b.bus.publish('paid', { n });
  await sleep(300);
  await a.bus.close();
  await sleep(300);
  expect([seen.size, (await b.bus.deadLetters.page()).letters.length]).toEqual([30, 0]);
});
it('unsubscribing from a tail that could not start crashes nothing', async () => {
  const { transport } = fake({
    tail: async () => {
      throw new Error('away');
    },
  });
  const { bus } = make({ transport });
  const unhandled: unknown[] = [];
  const listener = (e: unknown) => void unhandled.push(e);
  process.on('unhandledRejection', listener);
  bus.tail(['placed']).subscribe('placed', () => {})();
  await sleep(30);
  process.off('unhandledRejection', listener);
  expect(unhandled).toHaveLength(0);
});
it('a tail of a transport that throws at once is tried again', async () => {
  const { transport } = fake({
    tail: (() => {
      throw new Error('sync');
    }) as never,
  });
  const { bus } = make({ transport });
  expect(() => bus.tail(['placed']).subscribe('placed', () => {})).not.toThrow();
});
it('a declare that throws at once is tried again', async () => {
  const { transport } = fake({
    declare: (() => {
      throw new Error('sync');
    }) as never,
  });
  const { bus } = make({ transport, readyTimeoutMs: 50 });
  bus.consume('placed', 'a', () => {});
  expect(await bus.ready().catch((e) => e.code)).toBe('transport_unavailable');
  await bus.close();
});
it('idle does not wait for a retry that waits for later', async () => {
  const { bus } = make({ consumers: { retryDelayMs: 10_000 } });
  bus.consume('placed', 'a', () => {
    throw new Error('no');
  });
  await bus.ready();
  await bus.publish('placed', { n: 1 });
  await bus.idle();
  await bus.close();
});

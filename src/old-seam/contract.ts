import { createEventBus } from '../bus/create-event-bus.ts';
import type { BusTransport, EventBus } from '../bus/types.ts';
import { createCollector, expectEqual } from './collect.ts';
import type { TransportFeatures } from './port.ts';
import { type DeadLetter, type DeliveryOptions, deadLetters } from './seam.ts';

/** What a transport is proved with. */
export interface ContractSetup {
  /** A transport for one process of a service; all of them reach each other. */
  readonly connect: (options: DeliveryOptions) => BusTransport;
  /** Milliseconds that a check waits for what must come. @default 20_000 */
  readonly timeoutMs?: number;
}

/** One promise of every transport, or of those with the features that it needs. */
export interface ContractCheck {
  readonly name: string;
  readonly needs: readonly (keyof TransportFeatures)[];
  /** Rejects with what is wrong. */
  readonly run: (setup: ContractSetup) => Promise<void>;
}

type Bus = EventBus<Record<string, unknown>>;

/** What a check works with: names of its own, and buses that are closed after it. */
const createStage = ({ connect, timeoutMs = 20_000 }: ContractSetup) => {
  const suffix = crypto.randomUUID().slice(0, 8);
  const buses: Bus[] = [];
  const lines: { message: string; fields: Record<string, unknown> }[] = [];
  const keep = (message: string, fields: Record<string, unknown>) => lines.push({ message, fields });
  const logger = { debug: () => {}, warn: keep, error: keep };

  /** A process of a service. */
  const join = (service: string, options: Partial<DeliveryOptions> = {}): Bus => {
    const delivery = { service: `${service}-${suffix}`, retryDelayMs: 50, publishTimeoutMs: timeoutMs, ...options };
    const bus = createEventBus<Record<string, unknown>>({ transport: connect(delivery), logger });
    buses.push(bus);
    return bus;
  };
  const eventName = (name: string) => `${name}.${suffix}`;
  const collect = <Item>() => createCollector<Item>(timeoutMs);
  const closeAll = () => Promise.all(buses.map((bus) => bus.close({ drainTimeoutMs: 2_000 })));
  return { join, eventName, collect, closeAll, lines };
};

type Stage = ReturnType<typeof createStage>;

const check = (
  name: string,
  play: (stage: Stage) => Promise<void>,
  needs: readonly (keyof TransportFeatures)[] = [],
): ContractCheck => ({
  name,
  needs,
  run: async (setup) => {
    const stage = createStage(setup);
    try {
      await play(stage);
    } finally {
      await stage.closeAll();
    }
  },
});

const publishMany = async (bus: Bus, name: string, count: number, keyOf?: (index: number) => string) => {
  const indexes = Array.from({ length: count }, (_, index) => index);
  const publish = (index: number) => bus.publish(name, index, keyOf ? { key: keyOf(index) } : undefined);
  const results = await Promise.all(indexes.map(publish));
  expectEqual(
    'errors of publishes',
    results.flatMap(({ error }) => error?.message ?? []),
    [],
  );
};

const distinct = (items: readonly unknown[]) => new Set(items).size;

/** Brokers do not tell of dead letters, so they are asked. */
const firstDeadLetter = async (bus: Bus): Promise<DeadLetter> => {
  for (let tries = 0; tries < 100; tries++) {
    const [letter] = await deadLetters(bus).list();
    if (letter) return letter;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('waited 10 s for a dead letter, and there is none');
};

const fail = (message: string) => {
  throw new RangeError(message);
};

const roundTrip = check('an event arrives as JSON carries it, with its id, time and metadata', async (stage) => {
  const bus = stage.join('reader');
  const name = stage.eventName('made');
  const seen = stage.collect<unknown>();
  bus.subscribe(name, function keep(payload, { id, occurredAt, metadata }) {
    seen.add([payload, id, occurredAt.toISOString(), metadata]);
  });
  await bus.ready();
  const occurredAt = new Date('2026-02-03T04:05:06.789Z');
  const payload = { text: 'grüß dich 👋', list: [1, null, true], date: occurredAt, lost: undefined };
  const metadata = {
    trace_id: 'a',
    Größe: 'ü',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  };
  const { id, failures, handlerCount } = await bus.publish(name, payload, { metadata, occurredAt });
  expectEqual('what publish says', [failures, handlerCount], [[], 0]);
  const [event] = await seen.until('the event', (items) => items.length > 0);
  const sorted = (value: Record<string, string>) => Object.entries(value).sort();
  const [data, seenId, time, seenMetadata] = event as [unknown, string, string, Record<string, string>];
  expectEqual('the event', [data, seenId, time], [payload, id, occurredAt.toISOString()]);
  expectEqual('its metadata', sorted(seenMetadata), sorted(metadata));
});

const noPayload = check('an event without a payload arrives without one', async (stage) => {
  const bus = stage.join('reader');
  const name = stage.eventName('cleared');
  const seen = stage.collect<unknown>();
  bus.subscribe(name, (payload) => seen.add([payload === undefined]), { name: 'keep' });
  await bus.ready();
  await bus.publish(name, undefined);
  expectEqual('the payload', (await seen.until('the event', (items) => items.length > 0))[0], [true]);
});

const concurrent = check('500 events of 10 publishers reach 5 processes of a service, none lost', async (stage) => {
  const name = stage.eventName('counted');
  const seen = stage.collect<unknown>();
  const readers = Array.from({ length: 5 }, () => stage.join('readers'));
  for (const reader of readers) reader.subscribe(name, (payload) => seen.add(payload), { name: 'count' });
  await Promise.all(readers.map((reader) => reader.ready()));
  const writers = Array.from({ length: 10 }, (_, index) => stage.join(`writer${index}`));
  const publishes = writers.flatMap((writer, index) =>
    Array.from({ length: 50 }, (_, number) => writer.publish(name, `${index}-${number}`)),
  );
  expectEqual(
    'errors',
    (await Promise.all(publishes)).flatMap(({ error }) => error?.message ?? []),
    [],
  );
  await seen.until('500 events', (items) => distinct(items) === 500);
});

const groups = check(
  'each of two services gets every event, and its processes share them',
  async (stage) => {
    const name = stage.eventName('shared');
    const seen = stage.collect<{ service: string; process: number; payload: unknown }>();
    const buses = ['mail', 'audit'].flatMap((service) =>
      [1, 2].map((process) => {
        const bus = stage.join(service);
        bus.subscribe(name, (payload) => seen.add({ service, process, payload }), { name: 'keep' });
        return bus;
      }),
    );
    await Promise.all(buses.map((bus) => bus.ready()));
    await publishMany(stage.join('writer'), name, 100);
    const of = (items: typeof seen.items, service: string) => items.filter((item) => item.service === service);
    const has = (items: readonly { service: string; payload: unknown }[], service: string) =>
      distinct(items.filter((item) => item.service === service).map(({ payload }) => payload)) === 100;
    await seen.until('100 events in each service', (items) => has(items, 'mail') && has(items, 'audit'));
    // Duplicates are allowed, a copy for each process is not.
    for (const service of ['mail', 'audit']) expectEqual('copies', of(seen.items, service).length < 150, true);
  },
  ['consumerGroups'],
);

const isolatedNames = check('handlers get the events of their own name only', async (stage) => {
  const bus = stage.join('reader');
  const seen = stage.collect<[string, unknown]>();
  const names = Array.from({ length: 10 }, (_, index) => stage.eventName(`name${index}`));
  for (const name of names) bus.subscribe(name, (payload) => seen.add([name, payload]), { name: 'keep' });
  await bus.ready();
  await Promise.all(names.flatMap((name) => [bus.publish(name, name), bus.publish(name, name)]));
  const items = await seen.until('10 names', (events) => distinct(events.map(([name]) => name)) === 10);
  expectEqual(
    'strangers',
    items.filter(([name, payload]) => name !== payload),
    [],
  );
});

const notForMe = check('an event that nobody has subscribed to is no error', async (stage) => {
  const bus = stage.join('writer');
  const { error, failures } = await bus.publish(stage.eventName('unheard'), 1);
  expectEqual('what publish says', [error?.message ?? null, failures], [null, []]);
});

const accepted = check('publish does not wait for handlers', async (stage) => {
  const bus = stage.join('reader');
  const name = stage.eventName('slow');
  const seen = stage.collect<string>();
  let release = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  bus.subscribe(name, () => gate.then(() => seen.add('handled')), { name: 'wait' });
  await bus.ready();
  await bus.publish(name, 1);
  expectEqual('handled before publish resolved', seen.items, []);
  release();
  await seen.until('the handler', (items) => items.length > 0);
});

const retriedAlone = check(
  'a handler that fails twice is called three times, and the one beside it once',
  async (stage) => {
    const bus = stage.join('reader');
    const name = stage.eventName('flaky');
    const seen = stage.collect<{ handler: string; id: string }>();
    const callsOf = (items: readonly { handler: string }[], handler: string) =>
      items.filter((item) => item.handler === handler).length;
    bus.subscribe(name, (_, { id }) => seen.add({ handler: 'steady', id }), { name: 'steady' });
    bus.subscribe(
      name,
      (_, { id }) => {
        seen.add({ handler: 'flaky', id });
        if (callsOf(seen.items, 'flaky') < 3) fail('not yet');
      },
      { name: 'flaky' },
    );
    await bus.ready();
    const { id } = await bus.publish(name, 1);
    const items = await seen.until('three calls', (events) => callsOf(events, 'flaky') >= 3);
    expectEqual('ids', [...new Set(items.map((item) => item.id))], [id]);
    // Twice if the broker brought the event twice, but not once for each retry.
    expectEqual('calls of the steady handler', callsOf(items, 'steady') <= 2, true);
  },
  ['redelivers'],
);

const deadLettered = check(
  'a handler that always fails leaves a dead letter that tells why, and is redriven alone',
  async (stage) => {
    const bus = stage.join('reader', { maxAttempts: 2 });
    const name = stage.eventName('doomed');
    const seen = stage.collect<string>();
    let broken = true;
    bus.subscribe(name, () => seen.add('steady'), { name: 'steady' });
    bus.subscribe(
      name,
      (payload) => {
        seen.add(`doomed ${payload}`);
        if (broken && payload === 1) fail('never');
      },
      { name: 'doomed' },
    );
    await bus.ready();
    const { id } = await bus.publish(name, 1);
    await bus.publish(name, 2);
    await seen.until('both attempts and the next event', (items) => {
      const count = (item: string) => items.filter((other) => other === item).length;
      return count('doomed 1') >= 2 && count('doomed 2') >= 1;
    });
    const { list, redrive } = deadLetters(bus);
    const { handlerName, attempts, reason, errorName, errorMessage, event } = await firstDeadLetter(bus);
    const told = [handlerName, attempts, reason, errorName, errorMessage, event?.id, event?.payload];
    expectEqual('the dead letter', told, ['doomed', 2, 'handler_failed', 'RangeError', 'never', id, 1]);
    broken = false;
    const steady = seen.items.filter((item) => item === 'steady').length;
    expectEqual('redriven', (await redrive()) > 0, true);
    await seen.until('the redriven event', (items) => items.filter((item) => item === 'doomed 1').length >= 3);
    expectEqual('calls of the steady handler', seen.items.filter((item) => item === 'steady').length, steady);
    expectEqual('letters left', (await list()).length, 0);
  },
  ['redelivers'],
);

const nobodyHandles = check(
  'an event that no handler is left for is delayed, then a dead letter',
  async (stage) => {
    const bus = stage.join('reader', { maxAttempts: 2 });
    const name = stage.eventName('orphan');
    bus.subscribe(name, () => {}, { name: 'leaves at once' })();
    await bus.ready();
    await bus.publish(name, 1);
    expectEqual('the reason', (await firstDeadLetter(bus)).reason, 'no_handler');
  },
  ['redelivers'],
);

const badPayloads = check('what JSON cannot carry is refused with its path', async (stage) => {
  const bus = stage.join('writer');
  const name = stage.eventName('refused');
  const cycle: Record<string, unknown> = {};
  cycle.self = { cycle };
  const attempts = [{ a: [1n] }, { b: () => {} }, cycle, { c: Symbol('c') }];
  const results = await Promise.all(attempts.map((payload) => bus.publish(name, payload)));
  expectEqual(
    'codes',
    results.map(({ error }) => [error?.code, error?.outcome]),
    attempts.map(() => ['not_serializable', 'not-sent']),
  );
  const paths = results.map(({ error }) => error?.message.replace(/.* at /, ''));
  expectEqual('paths', paths, ['payload["a"]["0"]', 'payload["b"]', 'payload["self"]["cycle"]', 'payload["c"]']);
});

const sizes = check('an event over maxEventBytes is refused, and one of that size arrives', async (stage) => {
  const bus = stage.join('reader', { maxEventBytes: 65_536 });
  const name = stage.eventName('sized');
  const seen = stage.collect<number>();
  bus.subscribe(name, (payload) => seen.add(String(payload).length), { name: 'measure' });
  await bus.ready();
  const big = 'x'.repeat(65_000);
  const [fits, tooLarge] = await Promise.all([bus.publish(name, big), bus.publish(name, `${big}${big}`)]);
  expectEqual('errors', [fits?.error?.message ?? null, tooLarge?.error?.code], [null, 'too_large']);
  await seen.until('the big event', (items) => items.length > 0);
});

const sessions = check('a session stays here: handlers see none, and the log says so once', async (stage) => {
  const bus = stage.join('reader');
  const name = stage.eventName('transacted');
  const seen = stage.collect<unknown>();
  bus.subscribe(name, (_, { session }) => seen.add([session === undefined]), { name: 'look' });
  await bus.ready();
  for (let count = 0; count < 2; count++) await bus.publish(name, count, { session: { transaction: 1 } });
  expectEqual('no session', (await seen.until('the event', (items) => items.length > 0))[0], [true]);
  expectEqual('warnings', stage.lines.filter(({ message }) => message === 'event_session_ignored').length, 1);
});

const namedHandlers = check(
  'a handler without a name of its own is refused at once',
  async (stage) => {
    const bus = stage.join('reader');
    const name = stage.eventName('named');
    const attempt = (subscribe: () => unknown) => {
      try {
        subscribe();
        return 'accepted';
      } catch (error) {
        return error instanceof TypeError ? 'refused' : String(error);
      }
    };
    const handle = () => {};
    const outcomes = [
      attempt(() => bus.subscribe(name, () => {})),
      attempt(() => bus.subscribe(name, handle)),
      attempt(() => bus.subscribe(name, handle)),
      attempt(() => bus.subscribe(name, handle, { name: 'again' })),
    ];
    expectEqual('outcomes', outcomes, ['refused', 'accepted', 'refused', 'accepted']);
  },
  ['redelivers'],
);

const ordered = check(
  'events of one key are handled in the order of their publishes, one at a time',
  async (stage) => {
    const bus = stage.join('reader');
    const name = stage.eventName('ordered');
    const seen = stage.collect<number>();
    let running = new Set<number>();
    let overlaps = 0;
    bus.subscribe(
      name,
      async (payload) => {
        const index = payload as number;
        if (running.has(index % 10)) overlaps++;
        running = new Set([...running, index % 10]);
        await new Promise((resolve) => setTimeout(resolve, 1));
        running.delete(index % 10);
        seen.add(index);
      },
      { name: 'keep' },
    );
    await bus.ready();
    await publishMany(bus, name, 200, (index) => `key${index % 10}`);
    const items = await seen.until('200 events', (events) => distinct(events) === 200);
    for (let key = 0; key < 10; key++) {
      const first = [...new Set(items)].filter((index) => index % 10 === key);
      expectEqual(
        `order of key ${key}`,
        first,
        [...first].sort((a, b) => a - b),
      );
    }
    expectEqual('overlaps', overlaps, 0);
  },
  ['orderedByKey'],
);

const closing = check('close lets running handlers finish, and refuses what comes after', async (stage) => {
  const bus = stage.join('reader');
  const name = stage.eventName('closing');
  const seen = stage.collect<string>();
  bus.subscribe(
    name,
    async () => {
      seen.add('started');
      await new Promise((resolve) => setTimeout(resolve, 50));
      seen.add('finished');
    },
    { name: 'take your time' },
  );
  await bus.ready();
  await bus.publish(name, 1);
  await seen.until('the start', (items) => items.includes('started'));
  const closed = bus.close({ drainTimeoutMs: 5_000 });
  expectEqual('the same promise', bus.close() === closed, true);
  expectEqual('publishing meanwhile', (await bus.publish(name, 2)).error?.code, 'closed');
  await closed;
  const count = (item: string) => seen.items.filter((other) => other === item).length;
  expectEqual('finished', count('finished'), count('started'));
});

const restarts = check(
  'a service that was away gets what was published meanwhile',
  async (stage) => {
    const name = stage.eventName('missed');
    const seen = stage.collect<unknown>();
    const join = async () => {
      const bus = stage.join('reader');
      bus.subscribe(name, (payload) => seen.add(payload), { name: 'keep' });
      await bus.ready();
      return bus;
    };
    const writer = stage.join('writer');
    for (let round = 0; round < 3; round++) {
      const bus = await join();
      await writer.publish(name, `${round} there`);
      await bus.close();
      await writer.publish(name, `${round} away`);
    }
    await join();
    await seen.until('six events', (items) => distinct(items) === 6);
  },
  ['consumerGroups'],
);

const publishThenClose = check('what publish has confirmed before a close arrives', async (stage) => {
  const name = stage.eventName('flushed');
  const seen = stage.collect<unknown>();
  const reader = stage.join('reader');
  reader.subscribe(name, (payload) => seen.add(payload), { name: 'keep' });
  await reader.ready();
  const writer = stage.join('writer');
  const publishes = Array.from({ length: 500 }, (_, index) => writer.publish(name, index));
  await writer.close();
  const sent = (await Promise.all(publishes)).filter(({ error }) => !error).length;
  await seen.until(`${sent} events`, (items) => distinct(items) >= sent);
});

const manyFailures = check(
  'handlers that often fail get every event in the end',
  async (stage) => {
    const bus = stage.join('reader', { maxAttempts: 10 });
    const name = stage.eventName('stormy');
    const seen = stage.collect<unknown>();
    const attempts = new Map<unknown, number>();
    bus.subscribe(
      name,
      (payload) => {
        const attempt = (attempts.get(payload) ?? 0) + 1;
        attempts.set(payload, attempt);
        if (attempt < 3) fail('stormy');
        seen.add(payload);
      },
      { name: 'weather' },
    );
    await bus.ready();
    await publishMany(bus, name, 50);
    await seen.until('50 events', (items) => distinct(items) === 50);
  },
  ['redelivers'],
);

const everything = check(
  'subscribeAll gets events of every name',
  async (stage) => {
    const bus = stage.join('reader');
    const seen = stage.collect<string>();
    const names = ['one', 'two'].map(stage.eventName);
    bus.subscribeAll(({ name }) => seen.add(name), { name: 'audit' });
    await bus.ready();
    await Promise.all(names.map((name) => stage.join('writer').publish(name, 1)));
    await seen.until('both names', (items) => names.every((name) => items.includes(name)));
  },
  ['receivesAll'],
);

/** Every promise of the contract; run each, and leave out those whose `needs` the transport does not have. */
export const transportContract: readonly ContractCheck[] = [
  roundTrip,
  noPayload,
  concurrent,
  groups,
  isolatedNames,
  notForMe,
  accepted,
  retriedAlone,
  deadLettered,
  nobodyHandles,
  badPayloads,
  sizes,
  sessions,
  namedHandlers,
  ordered,
  closing,
  restarts,
  publishThenClose,
  manyFailures,
  everything,
];

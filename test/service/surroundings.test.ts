import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServiceBus, memory, nonRetryable, type ServiceBusOptions } from 'mapbus/service';
import { rehearsal } from 'mapbus/testing';
import { expect, it } from 'vitest';

interface Events {
  a: { n: number };
  b: { n: number };
}

const create = (options: Partial<ServiceBusOptions<Events, object>> = {}) => {
  const lines: { message: string; fields: Record<string, unknown> }[] = [];
  const write = (message: string, fields: Record<string, unknown>) => lines.push({ message, fields });
  const bus = createServiceBus<Events, object>({
    service: 'shop',
    transport: memory(),
    sends: 'all',
    logger: { debug: write, warn: write, error: write },
    consumers: { retryDelayMs: 1 },
    ...options,
  });
  const lost = () =>
    lines.flatMap(({ message, fields }) => (message === 'event_lost' ? (fields.eventIds as string[]) : []));
  return { ...bus, lines, lost };
};

it('a consumer does not run in the AsyncLocalStorage of somebody else’s request', async () => {
  const requests = new AsyncLocalStorage<string>();
  const { consume, ready, publish, idle } = create();
  const seen: unknown[] = [];
  consume('a', 'x', ({ n }) => seen.push([n, requests.getStore()]));
  await ready();
  await sleep(5);
  await Promise.all([
    requests.run('request of Ada', () => publish('a', { n: 1 })),
    requests.run('request of Bob', () => publish('a', { n: 2 })),
  ]);
  await idle();
  expect(seen).not.toContainEqual([2, 'request of Ada']);
});

it('formerly in a rolling deploy loses nothing', async () => {
  const transport = memory();
  const handled = new Set<number>();
  const old = create({ transport });
  old.consume(
    'a',
    'charge',
    async ({ n }) => {
      await sleep(10);
      handled.add(n);
    },
    { concurrency: 1 },
  );
  await old.ready();
  for (let n = 0; n < 5; n++) await old.publish('a', { n });
  const bus = create({ transport });
  bus.consume('a', 'charge-card', ({ n }) => void handled.add(n), { formerly: 'charge' });
  await bus.ready();
  await sleep(5);
  await old.close();
  await sleep(50);
  await bus.idle();
  expect(handled.size).toBe(5);
});

it('formerly with its own name is refused', () => {
  const { consume } = create();
  expect(() => consume('a', 'x', () => {}, { formerly: 'x' })).toThrow(TypeError);
});

it('dead letters of the former name go to the new one', async () => {
  const transport = memory();
  const old = create({ transport });
  old.consume('a', 'charge', () => {
    throw nonRetryable('no');
  });
  await old.ready();
  await old.publish('a', { n: 1 });
  await old.idle();
  await old.close();
  const bus = create({ transport });
  const handled: number[] = [];
  bus.consume('a', 'charge-card', ({ n }) => handled.push(n), { formerly: 'charge' });
  await bus.ready();
  await bus.deadLetters.redrive((await bus.deadLetters.page()).letters);
  await bus.idle();
  expect(handled).toEqual([1]);
});

it('a process gets only the names that it consumes', async () => {
  const transport = memory();
  const old = create({ transport });
  const names = new Set<string>();
  old.consume('a', 'x', (_, { name }) => void names.add(name));
  await old.ready();
  const bus = create({ transport });
  bus.consume(['a', 'b'], 'x', () => {});
  await bus.ready();
  for (let n = 0; n < 40; n++) await bus.publish('b', { n });
  await bus.idle();
  expect([...names]).toEqual([]);
});

it('close says which events a hung handler holds', async () => {
  const { consume, ready, publish, close, lost } = create();
  consume('a', 'x', () => new Promise(() => {}));
  await ready();
  const { id } = await publish('a', { n: 1 });
  await sleep(5);
  await close({ drainTimeoutMs: 1 });
  expect(lost()).toEqual([id]);
});

it('close says which events wait behind abandoned handlers', async () => {
  const { consume, ready, publish, close, lost } = create();
  consume('a', 'x', () => new Promise(() => {}), { concurrency: 1, timeoutMs: 5, maxAttempts: 1 });
  await ready();
  await publish('a', { n: 1 });
  await sleep(30);
  const { id } = await publish('a', { n: 2 });
  await sleep(5);
  await close({ drainTimeoutMs: 1 });
  expect(lost()).toEqual([id]);
});

it('a handler that fails after close keeps no timer', async () => {
  const { consume, ready, publish, close, lost } = create({ consumers: { retryDelayMs: 60_000 } });
  consume('a', 'x', async () => {
    await sleep(20);
    throw new Error('late');
  });
  await ready();
  const { id } = await publish('a', { n: 1 });
  await sleep(5);
  await close({ drainTimeoutMs: 1 });
  await sleep(40);
  expect(lost()).toEqual([id]);
});

it('idle waits for events that rehearsal delays', async () => {
  const { consume, ready, publish, idle } = create({
    transport: rehearsal({ seed: 1, maxDelayMs: 50, duplicates: 0 }),
  });
  const seen: number[] = [];
  consume('a', 'x', ({ n }) => seen.push(n));
  await ready();
  await publish('a', { n: 1 });
  await idle();
  expect(seen).toEqual([1]);
});

it('rehearsal doubles events of ordered consumers too', async () => {
  const { consume, ready, publish } = create({ keys: { a: () => 'k' }, transport: rehearsal({ duplicates: 1 }) });
  let calls = 0;
  consume('a', 'x', () => void calls++, { order: 'key' });
  await ready();
  for (let n = 0; n < 5; n++) await publish('a', { n });
  await sleep(100);
  expect(calls).toBeGreaterThan(5);
});

it('a tail stops listening with its last subscription', async () => {
  const inner = memory();
  let open = 0;
  const { tail } = create({
    transport: {
      connect: (context) => {
        const connection = inner.connect(context);
        return {
          ...connection,
          tail: async (names, tell) => {
            open++;
            const receiving = await connection.tail?.(names, tell);
            return {
              stop: async () => {
                open--;
                await receiving?.stop();
              },
            };
          },
        };
      },
    },
  });
  for (let request = 0; request < 50; request++) tail(['a']).subscribe('a', () => {})();
  await sleep(5);
  expect(open).toBe(0);
});

it('a tail of a closed bus throws', async () => {
  const { tail, close } = create();
  await close();
  expect(() => tail(['a']).subscribe('a', () => {})).toThrow('closed');
});

it('a publish of a tail handler belongs to no attempt', async () => {
  const { consume, ready, publish, tail } = create({ maxEventBytes: 400 });
  const attempts: number[] = [];
  tail(['b']).subscribe('b', () => void publish('b', { n: 'x'.repeat(500) as never }));
  consume(
    'a',
    'x',
    async (_, { attempt }) => {
      attempts.push(attempt);
      await publish('b', { n: 1 });
      await sleep(10);
    },
    { maxAttempts: 2 },
  );
  await ready();
  await publish('a', { n: 1 });
  await sleep(60);
  expect(attempts).toEqual([1]);
});

it('a tail takes a list', () => {
  const { tail } = create();
  expect(() => tail('ab' as never)).toThrow(TypeError);
  expect(() => tail([])).toThrow(TypeError);
});

it('the publish option key is used, or refused', async () => {
  const { consume, ready, publish, idle } = create();
  const keys: unknown[] = [];
  consume('a', 'x', (_, { key }) => keys.push(key));
  await ready();
  const { error } = await publish('a', { n: 1 }, { key: 'k' });
  await idle();
  expect(error?.code ?? keys[0]).toMatch(/^(invalid_options|k)$/);
});

it('order by key of a name that is sent here without a key does not pass in silence', async () => {
  const { consume, ready, publish, idle, lines } = create();
  const warned = () => lines.filter(({ message }) => message !== 'event_publishing');
  let thrown: unknown;
  try {
    consume('a', 'x', () => {}, { order: 'key' });
  } catch (error) {
    thrown = error;
  }
  await ready();
  await publish('a', { n: 1 });
  await idle();
  expect([thrown, ...warned()].filter(Boolean)).not.toEqual([]);
});

it('consuming a name that this process publishes and does not send does not pass in silence', async () => {
  const { consume, ready, publish, idle, lines } = create({ sends: ['a'] });
  consume('b', 'x', () => {});
  await ready();
  await publish('b', { n: 1 });
  await idle();
  expect(lines).not.toEqual([]);
});

it('onFailure hears of consumers', async () => {
  const heard: unknown[] = [];
  const { consume, ready, publish, idle } = create({ onFailure: (event, failure) => heard.push([event, failure]) });
  consume(
    'a',
    'x',
    () => {
      throw new Error('no');
    },
    { maxAttempts: 1 },
  );
  await ready();
  await publish('a', { n: 1 });
  await idle();
  expect(heard).toHaveLength(1);
});

it('a late failure of a consumer has its handlerName', async () => {
  const { consume, ready, publish, lines } = create();
  consume(
    'a',
    'x',
    async () => {
      await sleep(20);
      throw new Error('late');
    },
    { timeoutMs: 5, maxAttempts: 1 },
  );
  await ready();
  await publish('a', { n: 1 });
  await sleep(40);
  expect(lines.find(({ message }) => message === 'event_handler_failed_late')?.fields).toMatchObject({
    handlerName: 'x',
  });
});

it('a thousand and one publishes at once reach memory', async () => {
  const { consume, ready, publish } = create();
  consume('a', 'x', () => {});
  await ready();
  const results = await Promise.all(Array.from({ length: 1_001 }, (_, n) => publish('a', { n })));
  expect(results.filter(({ error }) => error)).toEqual([]);
});

it('an event that only a tail hears is not unrouted', async () => {
  const { tail, publish, lines } = create();
  tail(['a']).subscribe('a', () => {});
  await publish('a', { n: 1 });
  expect(lines.map(({ message }) => message)).not.toContain('event_unrouted');
});

it('the reason of nonRetryable is what was given', () => {
  expect(nonRetryable('unknown currency').message).toBe('unknown currency');
});

it('a message names the function that was called', () => {
  expect(() => create({ logger: 5 as never })).toThrow('createServiceBus options.logger');
});

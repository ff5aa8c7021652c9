import { clause, DONE, dataOf, messageOf, publishAll, range, receive, retryOf, send, specOf } from './clause.ts';
import { distinct, expectEqual } from './expect.ts';

const attempts = clause('a failed event comes again, with the same id and the next attempt', [], async (tools) => {
  const name = tools.unique('order.placed');
  const seen = tools.collect<{ readonly id: string; readonly attempt: number }>();
  const reader = tools.join('reader');
  reader.consume(name, 'read', (_, { id, attempt }) => {
    seen.add({ id, attempt });
    if (attempt < 3) throw new Error('not yet');
  });
  await reader.ready();

  const { id } = await tools.join('writer').publish(name, 1);

  await seen.until('the third attempt', (items) => items.some(({ attempt }) => attempt === 3));
  expectEqual('ids', distinct(seen.items.map((item) => item.id)), [id]);
  expectEqual('attempts', distinct(seen.items.map(({ attempt }) => attempt)), [1, 2, 3]);
});

const manyAttempts = clause('an event is tried six times', ['maxDelayMs'], async (tools) => {
  const name = tools.unique('order.placed');
  const seen = tools.collect<number>();
  await receive(tools.connect('reader'), specOf('read', name), async ({ attempt }) => {
    seen.add(attempt);
    return seen.items.length < 6 ? retryOf(attempt + 1, 1) : DONE;
  });

  await send(tools.connect('writer'), messageOf(name, 1));

  await seen.until('six attempts', ({ length }) => length >= 6);
});

const manyFailures = clause('of 30 events that fail at once, all come again', [], async (tools) => {
  const name = tools.unique('order.placed');
  const seen = tools.collect<unknown>();
  const reader = tools.join('reader');
  const handle = (payload: unknown, { attempt }: { readonly attempt: number }) => {
    if (attempt === 1) throw new Error('not yet');
    seen.add(payload);
  };
  reader.consume(name, 'read', handle, { concurrency: 30, retryDelayMs: 20 });
  await reader.ready();

  await publishAll(tools.join('writer'), name, range(30));

  await seen.until('30 events', (items) => distinct(items).length === 30);
});

const delay = clause('a retry does not come before its time', ['maxDelayMs'], async (tools) => {
  const connection = tools.connect('reader');
  const afterMs = Math.min(300, connection.features.maxDelayMs);
  const spec = specOf('read', tools.unique('order.placed'));
  const [name = ''] = spec.names;
  const seen = tools.collect<{ readonly attempt: number; readonly at: number }>();
  await receive(connection, spec, async ({ attempt }) => {
    seen.add({ attempt, at: performance.now() });
    return attempt === 1 ? retryOf(2, afterMs) : DONE;
  });

  await send(tools.connect('writer'), messageOf(name, 1));

  await seen.until('the second attempt', (items) => items.some(({ attempt }) => attempt === 2));
  const firstAt = (number: number) =>
    Math.min(...seen.items.filter(({ attempt }) => attempt === number).map(({ at }) => at));
  const waitedMs = firstAt(2) - firstAt(1);
  // Clocks of timers are up to a millisecond early.
  const early = waitedMs < afterMs - 2 ? waitedMs : undefined;
  expectEqual(`milliseconds until a retry after ${afterMs}`, early, undefined);
});

const overtaking = clause(
  'an event that waits for its retry holds no other one back',
  ['maxDelayMs'],
  async (tools) => {
    const connection = tools.connect('reader');
    const spec = specOf('read', tools.unique('order.placed'), { concurrency: 1 });
    const [name = ''] = spec.names;
    const afterMs = Math.min(10 * tools.timeoutMs, connection.features.maxDelayMs);
    const seen = tools.collect<unknown>();
    await receive(connection, spec, async (delivery) => {
      const data = dataOf(delivery);
      seen.add(data);
      return data === 'fails' ? retryOf(delivery.attempt + 1, afterMs) : DONE;
    });
    const writer = tools.connect('writer');

    await send(writer, messageOf(name, 'fails'));
    await seen.until('the failure', (items) => items.includes('fails'));
    for (const index of range(5)) await send(writer, messageOf(name, index));

    await seen.until('five others', (items) => range(5).every((index) => items.includes(index)));
  },
);

const survivesClose = clause(
  'a retry comes also if its process has closed meanwhile',
  ['maxDelayMs'],
  async (tools) => {
    const name = tools.unique('order.placed');
    const failed = tools.collect<unknown>();
    const seen = tools.collect<unknown>();
    const first = tools.join('reader');
    const fail = (payload: unknown) => {
      failed.add(payload);
      throw new Error('not here');
    };
    first.consume(name, 'read', fail, { retryDelayMs: 100, maxAttempts: 1_000 });
    await first.ready();
    // A process of the service stays, without the consumer.
    await tools.join('reader').ready();
    await publishAll(tools.join('writer'), name, range(3));
    await failed.until('three failures', (items) => distinct(items).length === 3);

    await first.close();
    const second = tools.join('reader');
    second.consume(name, 'read', (payload) => seen.add(payload));
    await second.ready();

    await seen.until('three retries', (items) => distinct(items).length === 3);
  },
);

/** What becomes of an attempt that failed. */
export const retry = [attempts, manyAttempts, manyFailures, delay, overtaking, survivesClose];

// Postgres as a transport, beside pg-boss and graphile-worker, on one server in one run. Writes RESULTS.md.
//   npm run bench:postgres                 COUNT=20000 HELD=120000 ROUNDS=3 by default
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fromPg } from '../../src/postgres/index.ts';
import { type Contender, contenders, mapbus } from './contenders.ts';
import { createCounter, inParallel, type Payload, payloadOf, percentile, rateOf } from './load.ts';
import { bareRate, relayRate } from './relay.ts';
import { type Database, inDatabase, serverVersion } from './server.ts';

const COUNT = Number(process.env.COUNT ?? 20_000);
const HELD = Number(process.env.HELD ?? 120_000);
const ROUNDS = Number(process.env.ROUNDS ?? 3);

interface Row {
  readonly what: string;
  readonly cells: readonly (string | undefined)[];
  /** What was to be reached, and whether it was. */
  readonly target?: string;
  readonly isReached?: boolean;
}

const rows: Row[] = [];
const add = (row: Row): void => {
  rows.push(row);
  console.log(row.what.padEnd(62), row.cells.map((cell) => (cell ?? '').padStart(14)).join(' '));
};
const perSecond = (rate: number | undefined) =>
  rate === undefined ? undefined : `${Math.round(rate).toLocaleString('en')}/s`;
const ratio = (value: number) => value.toFixed(2);

type Name = keyof typeof contenders;
const names: readonly Name[] = ['mapbus', 'pg-boss', 'graphile-worker'];

/** The median rate of each contender, in databases of their own. They take turns, so that the machine is alike for all. */
const compare = async (measure: (contender: Contender, database: Database) => Promise<number | undefined>) => {
  const all = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round++)
    for (const name of names)
      await inDatabase(async (database) => {
        const contender = await contenders[name](database);
        const rate = await measure(contender, database);
        if (rate !== undefined) all.get(name)?.push(rate);
        await contender.close();
      });
  const medians: Partial<Record<Name, number>> = {};
  for (const [name, rates] of all) if (rates.length > 0) medians[name] = percentile(rates, 0.5);
  return medians;
};
const cellsOf = (rates: Partial<Record<Name, number>>) => names.map((name) => perSecond(rates[name]));
const targetRow = (what: string, rates: Partial<Record<Name, number>>, other: Name, times: number): void => {
  const reached = (rates.mapbus ?? 0) / (rates[other] ?? Number.NaN);
  add({
    what,
    cells: cellsOf(rates),
    target: `≥ ${times} × ${other}: ${ratio(reached)}`,
    isReached: reached >= times,
  });
};

const writeOrder = (client: { query: (text: string, values: unknown[]) => Promise<unknown> }, index: number) =>
  client.query('INSERT INTO orders VALUES ($1)', [index]);

// 1. Publishing.
targetRow(
  'publish, 8 at once',
  await compare(({ publish }) => rateOf(COUNT / 4, () => inParallel(COUNT / 4, 8, publish))),
  'pg-boss',
  2,
);
for (const clients of [1, 8, 32]) {
  const count = clients === 1 ? COUNT / 10 : COUNT / 4;
  const inTransactions = ({ pool }: Database, work: (client: never, index: number) => Promise<unknown>) =>
    rateOf(count, () =>
      inParallel(count, clients, (index) =>
        fromPg(pool).transaction(async (client) => {
          await writeOrder(client, index);
          await work(client as never, index);
        }),
      ),
    );
  const without: number[] = [];
  const rates = await compare(async ({ publishIn }, database) => {
    await database.pool.query('CREATE TABLE orders (index int)');
    without.push(await inTransactions(database, async () => {}));
    return inTransactions(database, publishIn);
  });
  const alone = percentile(without, 0.5);
  const part = (rates.mapbus ?? 0) / alone;
  add({
    what: `transactions with one event, ${clients} at once (without: ${perSecond(alone)})`,
    cells: cellsOf(rates),
    target: clients === 32 ? '' : `≥ ${clients === 1 ? 0.6 : 0.9} of without: ${ratio(part)}`,
    isReached: part >= (clients === 1 ? 0.6 : 0.9),
  });
}

// 2. Handling.
for (const [concurrency, other, times] of [
  [100, 'graphile-worker', 0.7],
  [10, 'graphile-worker', 2],
] as const)
  targetRow(
    `handle, concurrency ${concurrency}`,
    await compare(async ({ fill, handle }) => {
      await fill(COUNT);
      const { hit, finished } = createCounter(COUNT);
      let stop: (() => Promise<unknown>) | undefined;
      const rate = await rateOf(COUNT, async () => {
        stop = await handle(concurrency, hit);
        await finished;
      });
      await stop?.();
      return rate;
    }),
    other,
    times,
  );
await inDatabase(async (database) => {
  const { fill, handle, close } = await mapbus(database, { keys: 100 });
  await fill(COUNT);
  const { hit, finished } = createCounter(COUNT);
  let stop: (() => Promise<unknown>) | undefined;
  const rate = await rateOf(COUNT, async () => {
    stop = await handle(100, hit);
    await finished;
  });
  await stop?.();
  add({ what: 'handle, concurrency 100, 100 keys in order', cells: [perSecond(rate)] });
  await close();
});
{
  const count = COUNT / 4;
  const writes: number[] = [];
  const rates = await compare(async ({ fill, handleOnce }, { pool }) => {
    if (!handleOnce) return undefined;
    await pool.query('CREATE TABLE orders (index int)');
    const write = () =>
      inParallel(count, 10, (index) => fromPg(pool).transaction((client) => writeOrder(client, index)));
    await write();
    writes.push(await rateOf(count, write));
    await fill(count);
    const { hit, finished } = createCounter(count);
    let stop: (() => Promise<unknown>) | undefined;
    const rate = await rateOf(count, async () => {
      stop = await handleOnce(10, async (client, { index }) => {
        await writeOrder(client, index);
        hit();
      });
      await finished;
    });
    await stop?.();
    return rate;
  });
  const alone = percentile(writes, 0.5);
  const part = (rates.mapbus ?? 0) / alone;
  const ofPeer = (rates.mapbus ?? 0) / (rates['pg-boss'] ?? Number.NaN);
  add({
    what: `exactlyOnce, 10 at once (the write alone: ${perSecond(alone)})`,
    cells: cellsOf(rates),
    target: `≥ 0.7 of the write alone: ${ratio(part)}; ≥ 1.5 × pg-boss: ${ratio(ofPeer)}`,
    isReached: part >= 0.7 && ofPeer >= 1.5,
  });
}

// 3. An outbox before RabbitMQ.
{
  const count = COUNT;
  const bare = await bareRate(count);
  for (const [keys, part] of [
    [undefined, 0.8],
    [100, 0.5],
  ] as const) {
    const rate = await relayRate(count, keys);
    add({
      what: `relay to RabbitMQ${keys ? `, ${keys} keys` : ''} (the bare client: ${perSecond(bare)})`,
      cells: [perSecond(rate)],
      target: `≥ ${part} of the bare client: ${ratio(rate / bare)}`,
      isReached: rate / bare >= part,
    });
  }
}

// 4. From publish in a transaction to the handler.
const latencies = async ({ pool }: Database, contender: Contender) => {
  const tookMs: number[] = [];
  const stop = await contender.handle(10, ({ at }: Payload) => tookMs.push(performance.now() - at));
  for (let index = 0; index < 120; index++) {
    await sleep(20 + Math.random() * 20);
    const client = await pool.connect();
    await client.query('BEGIN');
    await contender.publishIn(client, index);
    await client.query('COMMIT');
    client.release();
  }
  await sleep(1_500);
  await stop();
  return tookMs;
};
const latencyRow = async (what: string, name: 'mapbus' | 'graphile-worker', options?: { listens: boolean }) =>
  inDatabase(async (database) => {
    const contender = name === 'mapbus' ? await mapbus(database, options) : await contenders[name](database);
    const tookMs = await latencies(database, contender);
    const p50 = percentile(tookMs, 0.5);
    const text = `${p50.toFixed(1)} / ${percentile(tookMs, 0.99).toFixed(1)} ms`;
    const isHint = name === 'mapbus' && options?.listens !== false;
    add({
      what,
      cells: names.map((each) => (each === name ? text : undefined)),
      ...(isHint && { target: `p50 ≤ 20 ms: ${p50.toFixed(1)}`, isReached: p50 <= 20 }),
    });
    await contender.close();
  });
await latencyRow('publish → handler, p50 / p99, with hints', 'mapbus');
await latencyRow('publish → handler, p50 / p99, polling each second', 'mapbus', { listens: false });
await latencyRow('publish → handler, p50 / p99, with NOTIFY in the transaction', 'graphile-worker');

// 5. What one more consumer costs.
{
  const walOf: number[] = [];
  for (const consumers of [1, 10, 100])
    await inDatabase(async (database) => {
      const { createServiceBus } = await import('../../src/service/index.ts');
      const { postgres } = await import('../../src/postgres/index.ts');
      const create = () =>
        createServiceBus<{ 'order.placed': Payload }>({
          service: 'shop',
          transport: postgres({ database: fromPg(database.pool) }) as never,
          sends: 'all',
          maxEventBytes: 10_000,
        });
      const reader = create();
      for (let index = 0; index < consumers; index++) reader.consume('order.placed', `read-${index}`, () => {});
      await reader.ready();
      await reader.close();
      const publisher = create();
      // A text that the server cannot make shorter.
      const send = (index: number) =>
        publisher.publish('order.placed', { ...payloadOf(index), text: randomBytes(3_000).toString('base64') });
      await inParallel(200, 50, send);
      await database.pool.query('CHECKPOINT');
      // The first change of a page after a checkpoint is written as a whole.
      await inParallel(200, 50, send);
      const before = await database.walBytes();
      const rate = await rateOf(500, () => inParallel(500, 50, send));
      const perEvent = ((await database.walBytes()) - before) / 500;
      const one = walOf[0] ?? perEvent;
      walOf.push(perEvent);
      const perConsumer = consumers === 1 ? undefined : (perEvent - one) / (consumers - 1) / 1_000;
      add({
        what: `publish 4 kB for ${consumers} consumers: kB of WAL each (${perSecond(rate)})`,
        cells: [(perEvent / 1_000).toFixed(2)],
        ...(perConsumer !== undefined && {
          target: `≤ 0.5 kB for each further consumer: ${ratio(perConsumer)}`,
          isReached: perConsumer <= 0.5,
        }),
      });
      await publisher.close();
    });
}

// 6. A snapshot that is held: the server cannot clean up.
const heldRow = async (name: 'mapbus' | 'graphile-worker', count: number) =>
  inDatabase(async (database) => {
    const contender = await contenders[name](database);
    const release = await database.holdSnapshot();
    const before = await database.diskBytes();
    const chunk = 2_000;
    const rates: number[] = [];
    let left = 0;
    let finish = () => {};
    const stop = await contender.handle(100, () => {
      if (--left === 0) finish();
    });
    for (let done = 0; done < count; done += chunk) {
      left = chunk;
      const finished = new Promise<void>((resolve) => {
        finish = resolve;
      });
      rates.push(
        await rateOf(chunk, async () => {
          await contender.fill(chunk);
          await finished;
        }),
      );
    }
    const disk = (await database.diskBytes()) - before;
    await stop();
    await release();
    await contender.close();
    const mean = (part: readonly number[]) => part.reduce((sum, each) => sum + each, 0) / part.length;
    const tenth = Math.max(1, Math.floor(rates.length / 10));
    // The first chunk warms up.
    const last = mean(rates.slice(-tenth)) / mean(rates.slice(1, 1 + tenth));
    add({
      what: `snapshot held over ${count.toLocaleString('en')} events: rate of the last tenth / first, disk`,
      cells: names.map((each) => (each === name ? `${ratio(last)}, ${Math.round(disk / 2 ** 20)} MiB` : undefined)),
      ...(name === 'mapbus' && { target: `≥ 0.7: ${ratio(last)}`, isReached: last >= 0.7 }),
    });
  });
await heldRow('mapbus', HELD);
await heldRow('graphile-worker', HELD);

const line = (cells: readonly (string | undefined)[]) => `| ${cells.map((cell) => cell ?? '').join(' | ')} |`;
const verdict = ({ target, isReached }: Row) => (target ? `${target} ${isReached ? '✓' : '✗'}` : '');
const text = `# Postgres, measured

Written by \`npm run bench:postgres\` on ${new Date().toISOString().slice(0, 10)}. Each rate is the median of ${ROUNDS} runs, in which the contenders take turns, on the same server, which writes to the disk: Postgres ${await serverVersion()}, Node ${process.versions.node}, ${cpus().length} processors that the server shares with the clients. Each event carries 256 bytes, ${COUNT.toLocaleString('en')} of them in the rows about handling. On a machine that others use too, compare within a row.

${line(['', ...names, 'reached'])}
${line(['---', '--:', '--:', '--:', '---'])}
${rows.map((row) => line([row.what, ...names.map((_, index) => row.cells[index]), verdict(row)])).join('\n')}

- pg-boss 10.4 looks for jobs at most twice a second by itself. Here it is asked again as soon as it has answered. It takes as many jobs at once as the concurrency says.
- graphile-worker 0.17 has its local queue (500 jobs) and gathers what is done at a concurrency of 100. At 10 it is as it comes.
- A peer that has no such function has an empty cell.
`;
writeFileSync(new URL('RESULTS.md', import.meta.url), text);
process.exit();

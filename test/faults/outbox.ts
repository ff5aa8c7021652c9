import { fromPg, outbox } from 'mapbus/postgres';
import { createServiceBus } from 'mapbus/service';
import { transportFromUrl } from 'mapbus/url';
import { Pool, type PoolClient } from 'pg';
import { expect, it } from 'vitest';
import { ensureService } from '../../scripts/services/main.ts';
import { available } from '../brokers/support.ts';
import { scaled } from './scale.ts';
import { after, keyOf, openBus, report, type Site, unique, until, untilNoneIsLeft } from './support.ts';

interface Payload {
  readonly index: number;
  readonly key: string;
}

const KEYS = 50;

/** A database of its own on the server of the tests. */
const createDatabase = async () => {
  const { url } = await ensureService('postgres');
  const name = unique('outbox').replace('-', '_');
  const server = new Pool({ connectionString: url, max: 1 });
  await server.query(`CREATE DATABASE ${name}`);
  const own = new URL(url);
  own.pathname = `/${name}`;
  const pool = new Pool({ connectionString: own.href, max: 20 });
  const close = async () => {
    await pool.end();
    await server.query(`DROP DATABASE ${name} WITH (FORCE)`);
    await server.end();
  };
  return { pool, close };
};

/** An outbox in Postgres before the broker. */
export const testOutbox = async (site: Site): Promise<void> => {
  if ((await available(['postgres'])).length === 0) return;

  it('three relays give a backlog to a broker that was away in the order of each key, and nothing twice', async () => {
    const { kind, url, own } = site;
    const { pool, close } = await createDatabase();
    const database = fromPg(pool);
    const name = unique('placed');
    const [service, readers] = [unique('shop'), unique('reader')];
    const seen: Payload[] = [];
    /** It runs when no fault is left, so that what comes to it twice is at the broker twice. */
    const startReader = async () => {
      const bus = await openBus(url, readers);
      bus.consume(name, 'read', (payload) => seen.push(payload as Payload), { order: 'key', concurrency: 50 });
      await bus.ready();
      return bus;
    };
    // From now on its events wait for it.
    await (await startReader()).close();
    let failures = 0;
    const countFailure = (line: string) => {
      if (line === 'event_relay_failed') failures++;
    };
    const startRelay = async () =>
      createServiceBus<Record<string, unknown>, PoolClient>({
        service,
        transport: outbox({ database, transport: await transportFromUrl(url), pollMs: 200 }),
        sends: 'all',
        keys: keyOf(name),
        maxPendingPublishes: 100_000,
        logger: { debug: () => {}, warn: countFailure, error: countFailure },
      });
    const relays = await Promise.all([1, 2, 3].map(startRelay));
    const [shop] = relays;
    await shop?.ready();

    await own.stop();
    const count = scaled(30_000);
    const counters = new Map<string, number>();
    for (let done = 0; done < count; done += 500)
      await database.transaction(async (session) => {
        for (let index = done; index < Math.min(count, done + 500); index++) {
          const key = `key${index % KEYS}`;
          const next = (counters.get(key) ?? 0) + 1;
          counters.set(key, next);
          const result = await shop?.publish(name, { index: next, key }, { session });
          expect(result?.error).toBeUndefined();
        }
      });
    await until('a relay to fail', () => failures > 0);
    // As after an hour: no attempt is the last one.
    await pool.query('UPDATE mapbus.delivery SET attempt = 5000, claims = claims + 5000 WHERE taken_until < now()');
    const { rows } = await pool.query('SELECT count(*)::int AS count FROM mapbus.delivery');
    await own.start();
    const countLeft = async () => Number((await pool.query('SELECT count(*) FROM mapbus.delivery')).rows[0].count);
    await untilNoneIsLeft(countLeft);

    const reader = await startReader();
    const countDistinct = () => new Set(seen.map(({ key, index }) => `${key} ${index}`)).size;
    await until('the backlog', () => countDistinct() >= count);
    // What came twice would come now.
    await after(1_000);
    const disordered = [...counters.keys()].filter((key) => {
      const indices = new Set(seen.filter((payload) => payload.key === key).map(({ index }) => index));
      return [...indices].some((index, place) => index !== place + 1);
    });
    const distinct = countDistinct();
    report(`${kind}, a broker that was away before an outbox with 3 relays`, {
      events: count,
      backlog: rows[0].count,
      seen: distinct,
      doubled: seen.length - distinct,
      disordered: disordered.length,
    });
    expect(rows).toEqual([{ count }]);
    expect(distinct).toBe(count);
    expect(disordered).toEqual([]);
    expect(seen.length - distinct).toBe(0);
    await Promise.all([reader.close(), ...relays.map((bus) => bus.close())]);
    await close();
  });
};

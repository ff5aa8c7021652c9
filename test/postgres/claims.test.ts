import { PGlite } from '@electric-sql/pglite';
import * as fc from 'fast-check';
import { fromPglite, tables } from 'mapbus/postgres';
import { beforeAll, expect, it } from 'vitest';
import { claimedOf, claimStatement, claimStatementValues, claimValues } from '../../src/postgres/claim-statement.ts';
import {
  deadStatement,
  deadValues,
  releaseStatement,
  retryStatement,
  retryValues,
} from '../../src/postgres/outcome-statements.ts';
import { publishStatement, publishValues } from '../../src/postgres/publish-statement.ts';
import { declareConsumers } from '../../src/postgres/registrations.ts';
import { tablesOf } from '../../src/postgres/tables.ts';

const client = new PGlite();
const database = fromPglite(client);
const names = tablesOf('mapbus');
const statements = {
  publish: publishStatement(names),
  claim: claimStatement(names),
  retry: retryStatement(names),
  dead: deadStatement(names),
  release: releaseStatement(names),
};
beforeAll(() => client.exec(tables()), 60_000);

const ERROR = { name: 'Error', message: 'not yet' };

/** What the model knows of an event. */
interface Known {
  readonly index: number;
  readonly key: string | undefined;
  state: 'waiting' | 'taken' | 'gone';
  /** Of the last process that has taken it. */
  claim?: { readonly event: string; readonly consumer: string; readonly claims: string };
  /** Of those before, which have been killed. */
  stale: { readonly event: string; readonly consumer: string; readonly claims: string }[];
}

type Step =
  | { readonly does: 'publish'; readonly key: string | undefined }
  | { readonly does: 'claim'; readonly room: number }
  | { readonly does: 'done' | 'retry' | 'dead' | 'release' | 'kill' | 'late done'; readonly which: number };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ does: fc.constant('publish' as const), key: fc.constantFrom('a', 'b', 'c', undefined) }),
    },
    { weight: 3, arbitrary: fc.record({ does: fc.constant('claim' as const), room: fc.integer({ min: 1, max: 5 }) }) },
    {
      weight: 5,
      arbitrary: fc.record({
        does: fc.constantFrom(
          'done' as const,
          'retry' as const,
          'dead' as const,
          'release' as const,
          'kill' as const,
          'late done' as const,
        ),
        which: fc.nat(),
      }),
    },
  ),
  { minLength: 10, maxLength: 40 },
);

/** A consumer with an order, and a model of what waits for it. */
const createRun = async () => {
  const namespace = crypto.randomUUID();
  const spec = {
    consumer: 'read',
    names: ['ping'],
    order: 'key' as const,
    concurrency: 1,
    timeoutMs: 1,
    retryDelaysMs: [],
    expiresAfterMs: 1_000_000,
    formerly: undefined,
  };
  const found = await declareConsumers(database, names, { namespace, service: 'test' }, [spec]);
  const { consumer = '', subscriptions = [] } = found.get('read') ?? {};
  const known: Known[] = [];

  const publish = async (key: string | undefined) => {
    const index = known.length;
    known.push({ index, key, state: 'waiting', stale: [] });
    const message = { name: 'ping', id: String(index), source: '/', body: String(index), key, headers: {} };
    await database.query(statements.publish, publishValues(namespace, [message]));
  };
  const openOfKey = (key: string | undefined) =>
    key !== undefined && known.some((each) => each.key === key && each.state === 'taken');
  const claim = async (room: number, done: readonly Known[] = []) => {
    for (const each of done) each.state = 'gone';
    const values = claimStatementValues(
      done.flatMap((each) => (each.claim ? [each.claim] : [])),
      [{ consumer, room, floor: '0' }],
      subscriptions,
      1_000_000,
    );
    const taken = claimedOf(await database.query(statements.claim, values));
    const events = taken.map(({ body }) => known[Number(body)]);
    expect(events.length).toBeLessThanOrEqual(room);
    for (const event of events) {
      expect(event?.state).toBe('waiting');
      expect(openOfKey(event?.key)).toBe(false);
      const earlier = known.filter((each) => each.key === event?.key && each.index < Number(event?.index));
      // What comes before it in its key is gone, or is taken with it.
      if (event?.key !== undefined)
        expect(earlier.filter((each) => each.state !== 'gone' && !events.includes(each))).toEqual([]);
    }
    if (events.length === 0)
      expect(known.filter(({ state, key }) => state === 'waiting' && !openOfKey(key))).toEqual([]);
    for (const { body, event, consumer: id, claims } of taken) {
      const one = known[Number(body)];
      if (one) Object.assign(one, { state: 'taken', claim: { event, consumer: id, claims } });
    }
    return events;
  };
  const one = (which: number) => {
    const taken = known.filter(({ state }) => state === 'taken');
    return taken[which % Math.max(1, taken.length)];
  };
  const outcome = async (does: Exclude<Step['does'], 'publish' | 'claim'>, which: number) => {
    if (does === 'late done') {
      // The outcome of a process that was killed before another one has taken the event.
      const late = known.filter(({ state, stale }) => state === 'taken' && stale.length > 0);
      const stale = late[which % Math.max(1, late.length)]?.stale ?? [];
      await database.query(statements.claim, claimStatementValues(stale, [], [], 1_000));
      return;
    }
    const event = one(which);
    if (!event?.claim) return;
    const claimed = event.claim;
    if (does === 'done') await claim(1, [event]);
    if (does === 'dead') {
      const letter = { is: 'dead' as const, reason: 'handler_failed', attempt: 1, error: ERROR };
      await database.query(statements.dead, deadValues([{ claim: claimed, outcome: letter }]));
      event.state = 'gone';
    }
    if (does === 'retry') {
      const again = { is: 'retry' as const, attempt: 2, afterMs: 0, error: ERROR };
      await database.query(statements.retry, retryValues([{ claim: claimed, outcome: again }]));
      event.state = 'waiting';
    }
    if (does === 'release') {
      await database.query(statements.release, [...claimValues([claimed]), '{0}']);
      event.state = 'waiting';
    }
    if (does === 'kill') {
      await client.query(`UPDATE ${names.delivery} SET taken_until = now() WHERE event = $1 AND consumer = $2`, [
        claimed.event,
        claimed.consumer,
      ]);
      event.stale.push(claimed);
      event.state = 'waiting';
    }
  };
  const drain = async () => {
    let open: readonly Known[];
    do {
      open = known.filter(({ state }) => state === 'taken');
      open = [...(await claim(10, open)), ...open].flatMap((each) => each ?? []);
    } while (open.length > 0);
    const left = await client.query(`SELECT FROM ${names.delivery} WHERE consumer = $1`, [consumer]);
    expect(left.rows).toEqual([]);
    expect(known.filter(({ state }) => state !== 'gone')).toEqual([]);
  };
  return { publish, claim, outcome, drain };
};

it('takes each event once, in the order of its key, whatever dies', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const { publish, claim, outcome, drain } = await createRun();
      for (const step of all) {
        if (step.does === 'publish') await publish(step.key);
        else if (step.does === 'claim') await claim(step.room);
        else await outcome(step.does, step.which);
      }
      await drain();
    }),
    { numRuns: Number(process.env.CLAIM_RUNS ?? 20) },
  );
  const events = await client.query(`SELECT FROM ${names.event}`);
  expect(events.rows).toEqual([]);
}, 300_000);

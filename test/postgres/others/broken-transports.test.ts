import { fromPg, postgres } from 'mapbus/postgres';
import { type ContractSetup, clausesFor } from 'mapbus/testing';
import { Pool } from 'pg';
import { afterAll, expect, it } from 'vitest';
import { brokenTransports } from '../../testing/node/broken-transports/index.ts';
import { createBrokenSetup } from '../../testing/node/broken-transports/with-fault.ts';
import { findServer } from '../server/support.ts';
import { contractSetup, outboxSetup } from '../support.ts';

const url = await findServer();

if (url !== undefined) {
  const pool = new Pool({ connectionString: url, max: 60 });
  afterAll(() => pool.end());
  /** What a clause cannot find here, since the fault has nothing to break. */
  const NOT_HERE: Readonly<Record<string, readonly string[]>> = {
    postgres: [
      // The events of all names have one order, and are taken together.
      'orders each name for itself',
      // It compares consumers. The difference is told as another one.
      'compares no events',
      // The old name is given up when no process of the old version has been seen for a while.
      'rejects what nobody consumes: a consumer that moves to another event name gives the old one up',
    ],
    'an outbox before rehearsal': [
      // Nobody knows when an event is stored whether it has a consumer.
      'rejects what nobody consumes',
    ],
  };
  const NOWHERE = [
    // There is no foreign producer, and no header of its own.
    'stops at a header without a value',
    'obeys a header of its own',
    // The pool of the tests keeps the process alive anyway.
    'leaves a timer behind',
  ];
  const createSound: Readonly<Record<string, () => ContractSetup>> = {
    postgres: () => contractSetup(() => fromPg(pool), postgres),
    'an outbox before rehearsal': () => outboxSetup(() => fromPg(pool)),
  };

  it.each(Object.entries(createSound))(
    'each fault that is put on %s is found by a clause of the contract',
    async (name, create) => {
      const clauses = await clausesFor(create());
      const trials = brokenTransports
        .flatMap(({ fault, breaks, create: createFault }) =>
          clauses.filter((clause) => breaks.includes(clause.name)).map((clause) => ({ fault, clause, createFault })),
        )
        .filter(({ fault, clause }) => {
          const except = [...NOWHERE, ...(NOT_HERE[name] ?? [])];
          return !except.includes(fault) && !except.includes(`${fault}: ${clause.name}`);
        });
      const unfound: string[] = [];
      const isFound = async ({ clause, createFault }: (typeof trials)[number]): Promise<boolean> => {
        const { setup, clear } = createBrokenSetup(createFault, create());
        const found = await clause.run({ ...setup, timeoutMs: 4_000 }).then(
          () => false,
          () => true,
        );
        clear();
        return found;
      };
      // Some faults break something only by chance, as events overtake each other.
      const tryOne = async (trial: (typeof trials)[number]) => {
        for (let attempt = 1; attempt <= 10; attempt++) if (await isFound(trial)) return;
        unfound.push(`${trial.fault}: ${trial.clause.name}`);
      };
      const waiting = trials.filter(({ clause }) => !clause.alone)[Symbol.iterator]();
      await Promise.all(
        Array.from({ length: 20 }, async () => {
          for (const trial of waiting) await tryOne(trial);
        }),
      );
      for (const trial of trials.filter(({ clause }) => clause.alone)) await tryOne(trial);

      console.log(`${name}: ${trials.length} faults, ${unfound.length} not found`);
      expect(trials.length).toBeGreaterThan(100);
      expect(unfound).toEqual([]);
    },
    300_000,
  );
}

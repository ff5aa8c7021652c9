import fc from 'fast-check';
import { createEventBus } from 'mapbus';
import { describe, expect, it } from 'vitest';
import { createGate, createHostile, createLoggedBus } from '../support.ts';

const silent = { logger: { debug: () => {}, warn: () => {}, error: () => {} } };

/** What a handler may do, and whether that is a failure. */
const behaviours: Record<string, { fails: boolean; run: () => unknown }> = {
  returns: { fails: false, run: () => 1 },
  'returns an object': { fails: false, run: () => ({}) },
  resolves: { fails: false, run: async () => {} },
  'resolves later': { fails: false, run: () => new Promise((resolve) => setTimeout(resolve)) },
  'resolves a thenable': { fails: false, run: () => ({ then: (resolve: () => void) => resolve() }) },
  throws: {
    fails: true,
    run: () => {
      throw new Error('no');
    },
  },
  'throws undefined': {
    fails: true,
    run: () => {
      throw undefined;
    },
  },
  'throws a hostile proxy': {
    fails: true,
    run: () => {
      throw createHostile();
    },
  },
  rejects: {
    fails: true,
    run: async () => {
      throw new Error('no');
    },
  },
  'rejects null': { fails: true, run: () => Promise.reject(null) },
  'rejects later': { fails: true, run: () => new Promise((_, reject) => setTimeout(reject)) },
  'returns a hostile proxy': { fails: true, run: createHostile },
  'returns a broken thenable': {
    fails: true,
    run: () => ({
      then: () => {
        throw new Error('no');
      },
    }),
  },
};

describe('for every mix of handlers', () => {
  it('each runs exactly once and failures names exactly those that fail', async () => {
    const mix = fc.array(fc.tuple(fc.constantFrom(...Object.keys(behaviours)), fc.boolean()), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(mix, async (kinds) => {
        const { subscribe, subscribeAll, publish } = createEventBus<{ e: number }>(silent);
        const runs = kinds.map(() => 0);
        kinds.forEach(([kind, all], index) => {
          const handler = () => {
            runs[index] = (runs[index] ?? 0) + 1;
            return behaviours[kind]?.run();
          };
          const options = { name: String(index) };
          if (all) subscribeAll(handler, options);
          else subscribe('e', handler, options);
        });

        const { failures, handlerCount } = await publish('e', 1);

        expect(runs).toEqual(kinds.map(() => 1));
        expect(handlerCount).toBe(kinds.length);
        const expected = kinds.flatMap(([kind], index) => (behaviours[kind]?.fails ? [index] : []));
        expect(failures.map(({ handlerName }) => Number(handlerName)).sort((a, b) => a - b)).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });
});

describe('for every order of subscribing, unsubscribing and publishing', () => {
  // Each handler, when it runs, adds or removes others. The model is a list and a loop.
  const action = fc.record({ kind: fc.constantFrom('add', 'add to all', 'remove', 'nothing'), target: fc.nat(9) });
  const script = fc.record({
    start: fc.nat(6),
    actions: fc.array(action, { minLength: 1, maxLength: 40 }),
    publishes: fc.nat(4),
  });

  it('each publish calls whom it found and who is still there, in order', async () => {
    await fc.assert(
      fc.asyncProperty(script, async ({ start, actions, publishes }) => {
        const { subscribe, subscribeAll, publish, handlerCount } = createEventBus<{ e: number }>(silent);
        const calls: number[] = [];
        const removals: (() => void)[] = [];
        const modelCalls: number[] = [];
        const model: { id: number; there: boolean }[] = [];
        let steps = 0;
        let modelSteps = 0;

        const apply = (step: number, add: (all: boolean) => void, remove: (target: number) => void) => {
          const { kind, target } = actions[step % actions.length] ?? { kind: 'nothing', target: 0 };
          if (kind.startsWith('add') && step < 60) add(kind === 'add to all');
          if (kind === 'remove') remove(target);
        };
        const add = (all: boolean) => {
          const id = removals.length;
          const handler = () => {
            calls.push(id);
            apply(steps++, add, (target) => removals[target]?.());
          };
          removals.push(all ? subscribeAll(handler) : subscribe('e', handler));
        };
        const modelAdd = () => model.push({ id: model.length, there: true });
        const modelPublish = () => {
          for (const entry of model.filter(({ there }) => there)) {
            if (!entry.there) continue;
            modelCalls.push(entry.id);
            apply(modelSteps++, modelAdd, (target) => {
              const removed = model[target];
              if (removed) removed.there = false;
            });
          }
        };

        for (let index = 0; index < start; index++) {
          add(index % 2 === 0);
          modelAdd();
        }
        for (let index = 0; index <= publishes; index++) {
          publish('e', 1);
          modelPublish();
        }

        expect(calls).toEqual(modelCalls);
        expect(handlerCount('e')).toBe(model.filter(({ there }) => there).length);
      }),
      { numRuns: 300 },
    );
  });
});

describe('for every interleaving of publishes', () => {
  it('the synchronous part of a handler sees its own publish and the rest sees none', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.integer({ min: 1, max: 8 }), async (scheduler, count) => {
        const { subscribe, publish, getMetadata } = createLoggedBus({ logPublish: () => false });
        subscribe('ping', async ({ value }, { metadata }) => {
          expect(getMetadata().trace_id).toBe(String(value));
          void publish('pong', { value: value + 100 }, { metadata: { trace_id: String(value + 100) } });
          expect(getMetadata().trace_id).toBe(String(value));
          await scheduler.schedule(Promise.resolve());
          expect(getMetadata()).toEqual({});
          expect(metadata.trace_id).toBe(String(value));
        });
        subscribe('pong', async ({ value }) => {
          expect(getMetadata().trace_id).toBe(String(value));
          await scheduler.schedule(Promise.resolve());
          expect(getMetadata()).toEqual({});
        });

        const publishes = Array.from({ length: count }, (_, value) =>
          publish('ping', { value }, { metadata: { trace_id: String(value) } }),
        );
        await scheduler.waitFor(Promise.all(publishes));

        for (const { failures } of await Promise.all(publishes)) expect(failures).toEqual([]);
      }),
    );
  });

  it('ids increase in publish order, in whatever order they are read', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ async: fc.boolean(), readNow: fc.boolean() }), { minLength: 2, maxLength: 50 }),
        async (plan) => {
          const { subscribe, publish } = createEventBus<{ sync: number; async: number }>(silent);
          const gate = createGate();
          const contexts: { readonly id: string }[] = [];
          subscribe('sync', (_, context) => contexts.push(context));
          subscribe('async', (_, context) => {
            contexts.push(context);
            return gate.promise;
          });

          const results = plan.map(({ async, readNow }) => {
            const result = publish(async ? 'async' : 'sync', 1);
            return readNow ? contexts.at(-1)?.id && result : result;
          });
          gate.open();
          const ids = contexts
            .toReversed()
            .map(({ id }) => id)
            .reverse();

          expect(ids).toEqual([...new Set(ids)].sort());
          const resultIds = (await Promise.all(results)).map((result) => typeof result === 'object' && result.id);
          expect(resultIds).toEqual(ids);
        },
      ),
    );
  });
});

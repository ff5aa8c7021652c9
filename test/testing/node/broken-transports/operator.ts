import { transportContract } from 'mapbus/testing';
import type { Connection, OperatorTools, PlanEntry, StoredConsumer, WantedNames } from 'mapbus/transport';
import { broken, pause } from './tools.ts';

/** Changes what an operator is told. */
const withOperator =
  (change: (operator: OperatorTools, inner: Connection) => Partial<OperatorTools>) => (inner: Connection) => {
    const { operator } = inner;
    return operator ? { operator: { ...operator, ...change(operator, inner) } } : {};
  };

const withConsumers = (change: (consumers: readonly StoredConsumer[]) => readonly StoredConsumer[]) =>
  withOperator(({ consumers }) => ({ consumers: async () => change(await consumers()) }));

const withEntries = (change: (entry: PlanEntry) => readonly PlanEntry[]) =>
  withOperator(({ compare }) => ({ compare: async (specs) => (await compare(specs)).flatMap(change) }));

const withTail = (change: (tail: OperatorTools['tail']) => OperatorTools['tail']) =>
  withOperator(({ tail }) => ({ tail: change(tail) }));

const SEES_EACH = 'an operator sees each consumer of the service, with its events';
const SEES_ALL_NAMES = "an operator's tail hears all names that are wanted, also later ones";
const TAKES_NOTHING = "an operator's tail takes nothing away from consumers";

const NEED_OPERATOR = transportContract.flatMap(({ name, needs }) => (needs.includes('servesOperators') ? [name] : []));

const isWantedOf = (wanted: WantedNames) =>
  typeof wanted === 'function' ? wanted : (name: string) => wanted.includes(name);

export const brokenOperator = [
  broken('says that it serves operators, and does not', NEED_OPERATOR, () => ({
    rest: () => ({ operator: undefined }),
  })),

  broken('shows no events of consumers', SEES_EACH, () => ({
    rest: withConsumers((all) => all.map((each) => ({ ...each, names: [] }))),
  })),

  broken('shows the consumers of all services', 'an operator sees no consumer of another service', () => {
    const all: StoredConsumer[] = [];
    return {
      rest: (inner, { context }) => (context.service.startsWith('other') ? withConsumers(() => all)(inner) : {}),
      declare: (specs) => {
        for (const { consumer, names } of specs)
          all.push({ consumer, names, inForce: true, waiting: 0, isRun: false, processes: 0, lastSeenAt: undefined });
        return specs;
      },
    };
  }),

  broken(
    'counts no events',
    [
      'an operator sees how many events wait for a consumer',
      'an event that waits for its retry is counted',
      'looking at consumers changes nothing',
      'a consumer that is removed is gone with its events',
    ],
    () => ({ rest: withConsumers((all) => all.map((each) => ({ ...each, waiting: -1 }))) }),
  ),

  broken('counts no retries', 'an event that waits for its retry is counted', () => {
    const retried = new Set<string>();
    return {
      deliver: async ({ running, run }) => {
        const outcome = await run();
        if (outcome.is === 'retry') retried.add(running.spec.consumer);
        return outcome;
      },
      rest: withConsumers((all) => all.map((each) => (retried.has(each.consumer) ? { ...each, waiting: 0 } : each))),
    };
  }),

  broken(
    'takes every consumer for one that is run',
    [
      'an operator sees whether a process runs a consumer',
      'a consumer that is removed is gone with its events',
      'to remove a consumer leaves the others with their events',
      'the dead letters of a removed consumer stay',
    ],
    () => ({ rest: withConsumers((all) => all.map((each) => ({ ...each, isRun: true }))) }),
  ),

  broken('counts a look as an attempt', 'looking at consumers changes nothing', () => {
    let looks = 0;
    return {
      deliver: ({ delivery, run }) => run(looks < 10 ? delivery : { ...delivery, attempt: delivery.attempt + 1 }),
      rest: withOperator(({ consumers }) => ({
        consumers: () => {
          looks++;
          return consumers();
        },
      })),
    };
  }),

  broken('keeps the events of a removed consumer', 'a consumer that is removed is gone with its events', () => {
    const kept = new Map<string, string[]>();
    return {
      publish: (message, send) => {
        kept.set(message.name, [...(kept.get(message.name) ?? []), message.body]);
        return send(message);
      },
      rest: ({ operator }, { inner, context }) =>
        operator
          ? {
              operator: {
                ...operator,
                remove: async (consumer) => {
                  const [found] = (await operator.consumers()).filter((each) => each.consumer === consumer);
                  const isRemoved = await operator.remove(consumer);
                  const { names = [], waiting = 0 } = found ?? {};
                  if (!names || waiting === 0) return isRemoved;
                  // They come once somebody has declared it again, unless the connection is closed before.
                  const giveKept = async () => {
                    while (!(await operator.consumers()).some((each) => each.consumer === consumer)) await pause(1);
                    for (const name of names)
                      for (const body of kept.get(name)?.slice(0, waiting) ?? [])
                        await inner.publish(
                          { name, id: context.service, source: '/kept', body, key: undefined, headers: {} },
                          { signal: new AbortController().signal, session: undefined },
                        );
                  };
                  giveKept().catch(() => {});
                  return isRemoved;
                },
              },
            }
          : {},
    };
  }),

  broken('removes all consumers at once', 'to remove a consumer leaves the others with their events', () => ({
    rest: withOperator(({ consumers, remove }) => ({
      remove: async (consumer) => {
        const all = await consumers();
        const isThere = all.some((each) => each.consumer === consumer);
        if (isThere) for (const each of all) await remove(each.consumer);
        return isThere;
      },
    })),
  })),

  broken('says that it has removed what is not there', 'to remove a consumer that is not there tells so', () => ({
    rest: withOperator(({ remove }) => ({
      remove: async (consumer) => {
        await remove(consumer);
        return true;
      },
    })),
  })),

  broken('does not refuse to remove what is run', 'a consumer that a process runs cannot be removed', () => ({
    rest: withOperator(({ remove }) => ({ remove: (consumer) => remove(consumer).catch(() => true) })),
  })),

  broken('discards the dead letters of a removed consumer', 'the dead letters of a removed consumer stay', () => ({
    rest: withOperator(({ remove }, { deadLetters }) => ({
      remove: async (consumer) => {
        const isRemoved = await remove(consumer);
        const { letters = [] } = (await deadLetters?.page({ consumer, limit: 100 })) ?? {};
        await deadLetters?.discard(letters.map(({ ref }) => ref));
        return isRemoved;
      },
    })),
  })),

  broken('takes everything for different', 'a comparison of what is in force finds no difference', () => ({
    rest: withEntries((entry) => [entry.is === 'present' ? { ...entry, is: 'different' } : entry]),
  })),

  broken('takes what is missing for present', 'a comparison names what is missing', () => ({
    rest: withEntries((entry) => [entry.is === 'missing' ? { ...entry, is: 'present' } : entry]),
  })),

  broken('makes what is missing', 'a comparison names what is missing', () => ({
    rest: withOperator(({ compare }, { declare }) => ({
      compare: async (specs) => {
        const entries = await compare(specs);
        await declare(specs);
        return entries;
      },
    })),
  })),

  broken('compares no events', 'a comparison names an event that a consumer does not get', () => ({
    rest: withEntries((entry) => [entry.is === 'different' ? { ...entry, is: 'present' } : entry]),
  })),

  broken('compares only what is planned', 'a comparison names a consumer that no plan has', () => ({
    rest: withEntries((entry) => (entry.is === 'unplanned' ? [] : [entry])),
  })),

  broken('tells all names', SEES_ALL_NAMES, () => ({
    rest: withTail(
      (tail) => (wanted, tell) => tail((name) => isWantedOf(wanted)(name) || name.startsWith('invoice'), tell),
    ),
  })),

  broken('tells only the names that were there', SEES_ALL_NAMES, () => {
    const known = new Set<string>();
    return {
      declare: (specs) => {
        for (const name of specs.flatMap(({ names }) => names)) known.add(name);
        return specs;
      },
      rest: withTail((tail) => (wanted, tell) => {
        const names = new Set(known);
        return tail((name) => names.has(name) && isWantedOf(wanted)(name), tell);
      }),
    };
  }),

  broken('takes what it tells', TAKES_NOTHING, ({ declared, drop }) => {
    const tailed = new Set<string>();
    return {
      publish: (message, send) => {
        for (const [key, names] of declared)
          if (names.has(message.name) && tailed.has(message.name)) drop(key, message.body);
        return send(message);
      },
      rest: withTail((tail) => (wanted, tell) => {
        if (typeof wanted !== 'function') for (const name of wanted) tailed.add(name);
        return tail(wanted, tell);
      }),
    };
  }),

  broken('does not end a tail of all names', TAKES_NOTHING, () => ({
    rest: withTail((tail) => async (wanted, tell) => {
      await tail(wanted, tell);
      return { stop: () => pause(5) };
    }),
  })),
];

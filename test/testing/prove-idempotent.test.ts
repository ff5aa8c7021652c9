import type { ConsumedEvent, ConsumerContext, ConsumerHandler } from 'mapbus/service';
import { type IdempotencyOptions, proveIdempotent, type Step } from 'mapbus/testing';
import { describe, expect, it } from 'vitest';

interface Events {
  'order.placed': { total: number; at?: Date };
  'order.cancelled': { reason: string };
}
type Placed = Events['order.placed'];

interface Ledger {
  readonly seen: Set<string>;
  total: number;
  readonly step: Step;
}

type LedgerOptions = IdempotencyOptions<Placed, string, Ledger>;

const onLedger: LedgerOptions = {
  setUp: ({ step }) => ({ seen: new Set(), total: 0, step }),
  snapshot: ({ total }) => ({ total }),
  events: [{ payload: { total: 3 } }, { payload: { total: 4 } }],
};

type LedgerHandler = (payload: Placed, context: ConsumerContext, ledger: Ledger) => unknown;

/** Looks and marks in one turn, so that nothing comes in between. */
const addOnce: LedgerHandler = ({ total }, { id }, ledger) => {
  if (ledger.seen.has(id)) return;
  ledger.seen.add(id);
  ledger.total += total;
};

const messageOf = async (proof: Promise<unknown>): Promise<string> => {
  try {
    await proof;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  throw new Error('It was proved');
};

/** The deliveries that the message names. */
const namedIn = (message: string) => [...message.matchAll(/^- (.+?): /gm)].map(([, name]) => name);

describe('proveIdempotent', () => {
  it('tells how the events were delivered', async () => {
    const { deliveries } = await proveIdempotent(addOnce, onLedger);

    expect(deliveries).toEqual([
      'event-1 twice',
      'event-1 twice at the same time',
      'event-2 twice',
      'event-2 twice at the same time',
      'event-1 again after all others',
      'event-1 after all others',
      'all events at the same time',
    ]);
  });

  it('names each delivery that makes a difference, and both end states', async () => {
    const add: LedgerHandler = ({ total }, _, ledger) => {
      ledger.total += total;
    };

    const message = await messageOf(proveIdempotent(add, onLedger));

    expect(message).toBe(
      [
        '[mapbus] The consumer is not idempotent. One clean run ends with {"total":7}, but:',
        '- event-1 twice: {"total":10}',
        '- event-1 twice at the same time: {"total":10}',
        '- event-2 twice: {"total":11}',
        '- event-2 twice at the same time: {"total":11}',
        '- event-1 again after all others: {"total":10}',
      ].join('\n'),
    );
  });

  it('finds a handler that looks first and marks later', async () => {
    const lookFirst: LedgerHandler = async ({ total }, { id }, ledger) => {
      if (ledger.seen.has(id)) return;
      await ledger.step('looked', undefined);
      ledger.seen.add(id);
      ledger.total += total;
    };

    const message = await messageOf(proveIdempotent(lookFirst, onLedger));

    expect(namedIn(message)).toEqual(['event-1 twice at the same time', 'event-2 twice at the same time']);
  });

  it('finds a handler that only knows the last event', async () => {
    const skipLast: LedgerHandler = ({ total }, { id }, ledger) => {
      if (ledger.seen.has(id)) return;
      ledger.seen.clear();
      ledger.seen.add(id);
      ledger.total += total;
    };

    expect(namedIn(await messageOf(proveIdempotent(skipLast, onLedger)))).toEqual(['event-1 again after all others']);
  });

  it('finds a handler that needs the order of the events', async () => {
    const keepLast: LedgerHandler = ({ total }, _, ledger) => {
      ledger.total = total;
    };
    const three = { ...onLedger, events: [1, 2, 3].map((total) => ({ payload: { total } })) };

    const named = namedIn(await messageOf(proveIdempotent(keepLast, three)));

    expect(named).toEqual([
      'event-1 again after all others',
      'event-2 again after all others',
      'event-1 after all others',
      'event-2 after all others',
      'the events in the opposite order',
    ]);
  });

  it('keeps the order with order key, also when the events come once more', async () => {
    const keepLast: LedgerHandler = ({ total }, _, ledger) => {
      ledger.total = total;
    };

    const { deliveries } = await proveIdempotent(keepLast, { ...onLedger, order: 'key' });

    expect(deliveries).toContain('all events from event-1 on once more');
    expect(deliveries).not.toContain('event-1 after all others');
  });

  it('finds a handler that marks first and works later, by a failure after a step', async () => {
    const markFirst: LedgerHandler = async ({ total }, { id }, ledger) => {
      if (ledger.seen.has(id)) return;
      ledger.seen.add(id);
      await ledger.step('marked', undefined);
      ledger.total += total;
      await ledger.step('added', undefined);
    };

    const message = await messageOf(proveIdempotent(markFirst, onLedger));

    expect(namedIn(message)).toEqual([
      'event-1 again after a failure after the step marked',
      'event-2 again after a failure after the step marked',
    ]);
  });

  it('gives the result of a step, and what it rejects with', async () => {
    const results: unknown[] = [];
    const handler: LedgerHandler = async (order, context, ledger) => {
      results.push(await ledger.step('read', Promise.resolve(7)));
      await ledger.step('refused', Promise.reject(new Error('no'))).catch((error) => results.push(error.message));
      addOnce(order, context, ledger);
    };

    await proveIdempotent(handler, onLedger);

    expect(results.slice(0, 4)).toEqual([7, 'no', 7, 'no']);
  });

  it('tries an event again that fails, as a next attempt', async () => {
    const attempts: number[] = [];
    const handler: LedgerHandler = async (order, context, ledger) => {
      attempts.push(context.attempt);
      addOnce(order, context, ledger);
      await ledger.step('added', undefined);
    };

    await proveIdempotent(handler, { ...onLedger, events: [{ payload: { total: 3 } }] });

    // A clean run, twice, twice at the same time, and a failure with its next attempt.
    expect(attempts).toEqual([1, 1, 1, 1, 1, 1, 2]);
  });

  it('finds a handler that refuses an event which it has handled', async () => {
    const refuse: LedgerHandler = ({ total }, { id }, ledger) => {
      if (ledger.seen.has(id)) throw new Error('seen before');
      ledger.seen.add(id);
      ledger.total += total;
    };

    const message = await messageOf(proveIdempotent(refuse, onLedger));

    expect(message).toContain('- event-1 twice: event-1 became a dead letter: seen before');
  });

  it('finds a handler whose steps are not the same each time', async () => {
    let runs = 0;
    const handler: LedgerHandler = async (order, context, ledger) => {
      addOnce(order, context, ledger);
      if (runs++ < 2) await ledger.step('counted', undefined);
    };

    const message = await messageOf(proveIdempotent(handler, onLedger));

    expect(message).toContain(
      '- event-1 again after a failure after the step counted: the step was not reached in this run',
    );
  });

  it('gives the handler what JSON makes of the payload, and the fields of the context', async () => {
    const seen: unknown[] = [];
    const handler: ConsumerHandler<Events, 'order.placed'> = ({ total, at }, { name, id, metadata, attempt }) =>
      seen.push([name, id, metadata.trace_id, attempt, total, at]);
    const fields = { name: 'order.placed', id: 'e-1', metadata: { trace_id: 'a' } } as const;

    await proveIdempotent(handler, {
      setUp: () => undefined,
      snapshot: () => [...new Set(seen.map((one) => JSON.stringify(one)))],
      events: [{ ...fields, payload: { total: 3, at: new Date(0) } }],
    });

    expect(seen[0]).toEqual(['order.placed', 'e-1', 'a', 1, 3, '1970-01-01T00:00:00.000Z']);
  });

  it('runs a handler of several events, and names the event in its message', async () => {
    const reasons: string[] = [];
    const handler = ({ name, payload }: ConsumedEvent<Events, 'order.placed' | 'order.cancelled'>) =>
      reasons.push(name === 'order.cancelled' ? payload.reason : 'placed');

    const proof = proveIdempotent(handler, {
      setUp: () => void reasons.splice(0),
      snapshot: () => reasons,
      events: [
        { name: 'order.placed', payload: { name: 'order.placed', payload: { total: 3 } } },
        { name: 'order.cancelled', payload: { name: 'order.cancelled', payload: { reason: 'late' } } },
      ],
    });

    expect(await messageOf(proof)).toContain('- order.placed event-1 twice: ["placed","placed","late"]');
  });

  it('runs a handler of an event without a payload', async () => {
    const seen = new Set<string>();
    const payloads: unknown[] = [];
    const handler = (payload: undefined, { id }: ConsumerContext) => {
      payloads.push(payload);
      seen.add(id);
    };

    await proveIdempotent(handler, {
      setUp: () => seen.clear(),
      snapshot: () => [...seen].sort(),
      events: [{ payload: undefined }, { payload: undefined }],
    });

    expect(new Set(payloads)).toEqual(new Set([undefined]));
  });

  it('compares end states whatever the order of their members is', async () => {
    let runs = 0;
    const totals = new Map<string, number>();

    const proof = proveIdempotent(({ total }: Placed, { id }: ConsumerContext) => totals.set(id, total), {
      setUp: () => totals.clear(),
      snapshot: () => {
        const entries = [...totals].sort();
        return Object.fromEntries(runs++ % 2 === 0 ? entries : entries.reverse());
      },
      events: onLedger.events,
    });

    await expect(proof).resolves.toMatchObject({ deliveries: expect.any(Array) });
  });

  it('calls tearDown after each run, also when the handler fails', async () => {
    const open = new Set<Ledger>();
    const options: LedgerOptions = {
      ...onLedger,
      setUp: (tools) => {
        const ledger = { seen: new Set<string>(), total: 0, ...tools };
        open.add(ledger);
        return ledger;
      },
      tearDown: (ledger) => open.delete(ledger),
    };

    await proveIdempotent(addOnce, options);
    expect(open.size).toBe(0);
    await messageOf(proveIdempotent(() => Promise.reject(new Error('no')), options));
    expect(open.size).toBe(0);
  });
});

describe('proveIdempotent refuses to prove nothing', () => {
  it('when the snapshot shows nothing of the events', async () => {
    const message = await messageOf(proveIdempotent(() => {}, onLedger));

    expect(message).toBe('[mapbus] proveIdempotent: the events change nothing that the snapshot shows: {"total":0}');
  });

  it('when the snapshot is undefined', async () => {
    const message = await messageOf(proveIdempotent(addOnce, { ...onLedger, snapshot: () => undefined }));

    expect(message).toContain('options.snapshot: expected a function that returns the state, got undefined');
  });

  it('when the handler fails in a clean run', async () => {
    const error = new Error('no such table');
    const proof = proveIdempotent(() => Promise.reject(error), onLedger);

    await expect(proof).rejects.toMatchObject({
      message: '[mapbus] proveIdempotent: the handler fails in a clean run, on event-1: no such table',
      cause: error,
    });
  });

  it.each([
    [{ events: [] }, 'options.events: expected at least one event, got none'],
    [{ events: 'order.placed' }, 'options.events: expected array, got "order.placed"'],
    [{ setUp: undefined }, 'options.setUp: expected function, got undefined'],
    [{ snapshot: 7 }, 'options.snapshot: expected function, got 7'],
    [{ order: 'name' }, 'options.order: expected "key", got "name"'],
    [{ tries: 3 }, 'options: unknown option tries, expected setUp, snapshot, events, tearDown, order, maxAttempts'],
  ])('with %j', async (bad, message) => {
    const options = { ...onLedger, ...bad } as LedgerOptions;

    await expect(proveIdempotent(addOnce, options)).rejects.toThrow(
      new TypeError(`[mapbus] proveIdempotent ${message}`),
    );
  });

  it('with a handler that is none, and with a step without a name', async () => {
    const unnamed: LedgerHandler = (_, __, { step }) => step('', undefined);

    expect(await messageOf(proveIdempotent('addOnce' as never, onLedger))).toContain('expected function');
    expect(await messageOf(proveIdempotent(unnamed, onLedger))).toContain(
      'step name: expected string that is not empty',
    );
  });
});

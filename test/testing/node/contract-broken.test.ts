import { type ContractClause, type ContractSetup, transportContract } from 'mapbus/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { createCheat } from './broken-transports/cheat.ts';
import { brokenTransports } from './broken-transports/index.ts';
import { createBrokenSetup } from './broken-transports/with-fault.ts';

const together = transportContract.filter(({ alone }) => !alone);
const alone = transportContract.filter((clause) => clause.alone);

interface Trial {
  readonly clause: ContractClause;
  readonly createSetup: () => { readonly setup: ContractSetup; readonly clear: () => void };
  readonly isExpected: boolean;
  readonly failed: (name: string, error: unknown) => void;
}

const tryOnce = async ({ clause, createSetup }: Trial, timeoutMs: number): Promise<unknown> => {
  const { setup, clear } = createSetup();
  try {
    await clause.run({ ...setup, timeoutMs });
    return undefined;
  } catch (error) {
    return error;
  } finally {
    clear();
  }
};

/** Tries many at once: most of the time they wait. */
const tryAll = async (trials: readonly Trial[], atOnce: number): Promise<void> => {
  const again: Trial[] = [];
  const waiting = trials[Symbol.iterator]();
  const work = async () => {
    for (const trial of waiting) {
      const error = await tryOnce(trial, 1_500);
      if ((error !== undefined) !== trial.isExpected) again.push(trial);
      else if (error !== undefined) trial.failed(trial.clause.name, error);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  // A busy machine may be too slow for a sound transport, and hide that a broken one is too fast.
  for (const trial of again) {
    const error = await tryOnce(trial, 5_000);
    if (error !== undefined) trial.failed(trial.clause.name, error);
  }
};

const cheat = 'the cheat';
const failures = new Map<string, Map<string, string>>();

beforeAll(async () => {
  const setups = [
    ...brokenTransports.map(({ fault, breaks, create }) => {
      const createSetup = () => createBrokenSetup(create);
      return { fault, createSetup, isExpected: (name: string) => breaks.includes(name) };
    }),
    {
      fault: cheat,
      createSetup: () => {
        const hub = createCheat();
        const { setup } = createBrokenSetup(() => ({}));
        return { setup: { ...setup, connect: () => hub, kill: () => {} }, clear: () => {} };
      },
      isExpected: () => true,
    },
  ];
  const trialsOf = (clauses: readonly ContractClause[]) =>
    setups.flatMap(({ fault, createSetup, isExpected }) => {
      const found = failures.get(fault) ?? new Map<string, string>();
      failures.set(fault, found);
      const failed = (name: string, error: unknown) => found.set(name, String(error));
      return clauses.map((clause) => ({ clause, createSetup, isExpected: isExpected(clause.name), failed }));
    });
  await tryAll(trialsOf(together), 40);
  await tryAll(trialsOf(alone), 1);
}, 300_000);

describe('a transport that', () => {
  it.each(brokenTransports)('$fault fails its clauses and no other', ({ fault, breaks }) => {
    const found = failures.get(fault);
    expect(
      [...(found ?? [])].map(([name, error]) => (breaks.includes(name) ? name : `${name}: ${error}`)).sort(),
    ).toEqual([...breaks].sort());
  });
});

describe('the contract', () => {
  it('has a broken transport for each clause', () => {
    const broken = new Set(brokenTransports.flatMap(({ breaks }) => breaks));
    expect(transportContract.map(({ name }) => name).filter((name) => !broken.has(name))).toEqual([]);
  });

  it('has clauses of different names', () => {
    expect(new Set(transportContract.map(({ name }) => name)).size).toBe(transportContract.length);
  });

  it('is not kept by a transport that does almost nothing', () => {
    const failed = [...(failures.get(cheat)?.keys() ?? [])];

    expect(failed).toEqual(
      expect.arrayContaining([
        'a failed event comes again, with the same id and the next attempt',
        'a retry does not come before its time',
        'a process handles no more events of a consumer at once than its concurrency',
        'of two processes of a consumer, both get events',
        'a consumer that no process runs gets its events later',
        'a dead letter has the body byte for byte',
        'events outlive the end of every process',
      ]),
    );
    expect(failed.length).toBeGreaterThan(40);
  });
});

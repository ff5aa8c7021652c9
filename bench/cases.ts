// What every contender is measured at.
import type { Contender, Emitter } from './contenders.ts';
import { createHandler, type Kind } from './handlers.ts';

/** Does it so many times. The loop belongs to the case, so that nothing but the case is measured. */
export type Loop = (count: number) => unknown;

export interface Case {
  readonly name: string;
  /** How often each contender is measured. */
  readonly rounds: number;
  readonly takes: (contender: Contender) => boolean;
  readonly prepare: (emitter: Emitter) => Loop;
}

export const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
/** For the lines of the first table. */
export const MANY_ROUNDS = 3 * ROUNDS;

const payload = { value: 1 };
/** How many publishes start asynchronous handlers before these get a turn. */
const BEFORE_A_PAUSE = 10;

const withHandlers = (emitter: Emitter, kind: Kind, count: number): Emitter => {
  for (let index = 0; index < count; index++) emitter.subscribe('event', createHandler(kind, index));
  return emitter;
};

const publishing = (kind: Kind, count: number, rounds = ROUNDS): Case => ({
  name: `publish, ${count} ${kind} handlers, not awaited`,
  rounds,
  takes: ({ starts }) => starts === true,
  prepare: (emitter) => {
    const { publish } = withHandlers(emitter, kind, count);
    if (!publish) throw new Error('It has no publish');
    const start = (times: number) => {
      for (let index = 0; index < times; index++) publish('event', payload);
    };
    if (kind === 'sync') return start;
    // Asynchronous handlers have to end, or the queue of microtasks grows.
    return async (times) => {
      for (let index = 0; index < times; index += BEFORE_A_PAUSE) {
        start(Math.min(BEFORE_A_PAUSE, times - index));
        await undefined;
      }
    };
  },
});

const awaitEach =
  ({ publishAwaited }: Emitter): Loop =>
  async (times) => {
    if (!publishAwaited) throw new Error('It has no publish to await');
    for (let index = 0; index < times; index++) await publishAwaited('event', payload);
  };

const awaiting = (kind: Kind, count: number, rounds = ROUNDS): Case => ({
  name: `publish awaited, ${count} ${kind} handlers`,
  rounds,
  takes: ({ waits }) => waits === true,
  prepare: (emitter) => awaitEach(withHandlers(emitter, kind, count)),
});

const changing = (count: number): Case => ({
  name: `subscribe + unsubscribe among ${count.toLocaleString('en')}`,
  rounds: ROUNDS,
  takes: ({ removes, copies }) => removes === true && (count < 100_000 || !copies),
  prepare: (emitter) => {
    const { subscribe } = withHandlers(emitter, 'sync', count);
    return (times) => {
      for (let index = 0; index < times; index++) subscribe('event', createHandler('sync', 0))();
    };
  },
});

const NAMES = 10_000;

export const publishSync4 = publishing('sync', 4, MANY_ROUNDS);
export const awaitSync4 = awaiting('sync', 4, MANY_ROUNDS);
export const awaitAsync4 = awaiting('async', 4, MANY_ROUNDS);

export const notAwaited: readonly Case[] = [
  publishing('sync', 0),
  publishing('sync', 1),
  publishSync4,
  publishing('sync', 100),
  publishing('async', 4),
  {
    name: `publish over ${NAMES.toLocaleString('en')} names, 1 sync handler each`,
    rounds: ROUNDS,
    takes: ({ starts, hasNames }) => starts === true && hasNames === true,
    prepare: ({ subscribe, publish }) => {
      if (!publish) throw new Error('It has no publish');
      const names = Array.from({ length: NAMES }, (_, index) => `event.${index}`);
      for (const [index, name] of names.entries()) subscribe(name, createHandler('sync', index));
      let next = 0;
      return (times) => {
        for (let index = 0; index < times; index++) {
          publish(names[next] ?? '', payload);
          next = next + 1 === NAMES ? 0 : next + 1;
        }
      };
    },
  },
];

export const awaited: readonly Case[] = [
  awaitSync4,
  awaiting('async', 1),
  awaitAsync4,
  awaiting('async', 100),
  {
    name: 'publish awaited, one of 4 sync handlers throws',
    rounds: ROUNDS,
    takes: ({ waits, isolates }) => waits === true && isolates === true,
    prepare: (emitter) => {
      withHandlers(emitter, 'sync', 3).subscribe('event', () => {
        throw new Error('no');
      });
      return awaitEach(emitter);
    },
  },
];

export const changes: readonly Case[] = [changing(10), changing(1_000), changing(100_000)];

export const cases: readonly Case[] = [...notAwaited, ...awaited, ...changes];

export const caseOf = (name: string): Case => {
  const found = cases.find((one) => one.name === name);
  if (!found) throw new Error(`There is no case ${name}`);
  return found;
};

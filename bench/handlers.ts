// What the handlers of the benchmarks do: as little as possible, but no compiler can leave it out.
import type { Handler } from './contenders.ts';

export const sink = { value: 0 };

// Four functions, as in an application, where no two handlers are of one source. Each call makes a new one, since some
// emitters take a function that they have for the same subscription.
const syncHandlers: readonly (() => Handler)[] = [
  () =>
    ({ value }) => {
      sink.value += value;
    },
  () =>
    ({ value }) => {
      sink.value -= value;
    },
  () =>
    ({ value }) => {
      sink.value ^= value;
    },
  () =>
    ({ value }) => {
      sink.value |= value;
    },
];
const asyncHandlers: readonly (() => Handler)[] = [
  () =>
    async ({ value }) => {
      sink.value += value;
    },
  () =>
    async ({ value }) => {
      sink.value -= value;
    },
  () =>
    async ({ value }) => {
      sink.value ^= value;
    },
  () =>
    async ({ value }) => {
      sink.value |= value;
    },
];

export type Kind = 'sync' | 'async';

export const createHandler = (kind: Kind, index: number): Handler => {
  const handlers = kind === 'sync' ? syncHandlers : asyncHandlers;
  const create = handlers[index % handlers.length];
  if (!create) throw new Error('There is no such handler');
  return create();
};

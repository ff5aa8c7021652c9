import type { TakenStep } from './steps.ts';

/** How the events of one run are delivered. */
export interface DeliveryPlan {
  /** What is unusual about it. */
  readonly name: string;
  /** The index of the step after which the handler fails once. */
  readonly failAfter?: number;
  /** Turns, one after another. The events of a turn, by their indexes, are delivered at the same time. */
  readonly turns: readonly (readonly number[])[];
}

const eachOnce = (count: number): number[][] => Array.from({ length: count }, (_, index) => [index]);

const withTurn = (turns: readonly (readonly number[])[], index: number, ...more: readonly (readonly number[])[]) => [
  ...turns.slice(0, index),
  ...more,
  ...turns.slice(index + 1),
];

/** What happens to an event when a process dies, a lease ends or an acknowledgement is lost. */
const repeated = (events: readonly string[]): DeliveryPlan[] => {
  const turns = eachOnce(events.length);
  return events.flatMap((event, index) => [
    { name: `${event} twice`, turns: withTurn(turns, index, [index], [index]) },
    { name: `${event} twice at the same time`, turns: withTurn(turns, index, [index, index]) },
  ]);
};

/** Without an order, events overtake each other, and a repeated one may come after all others. */
const unordered = (events: readonly string[]): DeliveryPlan[] => {
  if (events.length < 2) return [];
  const turns = eachOnce(events.length);
  const late = events.slice(0, -1).map((event, index) => ({
    name: `${event} again after all others`,
    turns: [...turns, [index]],
  }));
  const overtaken = events.slice(0, -1).map((event, index) => ({
    name: `${event} after all others`,
    turns: [...withTurn(turns, index), [index]],
  }));
  return [
    ...late,
    ...overtaken,
    // Of two events it would be the same as the one before.
    ...(events.length > 2 ? [{ name: 'the events in the opposite order', turns: [...turns].reverse() }] : []),
    { name: 'all events at the same time', turns: [events.map((_, index) => index)] },
  ];
};

/** With an order, a process that takes over begins anew at some event, and goes on from there in the same order. */
const replayed = (events: readonly string[]): DeliveryPlan[] => {
  const turns = eachOnce(events.length);
  return events.slice(0, -1).map((event, index) => ({
    name: `all events from ${event} on once more`,
    turns: [...turns, ...turns.slice(index)],
  }));
};

const interrupted = (events: readonly string[], steps: readonly TakenStep[]): DeliveryPlan[] =>
  steps.map(({ name, event }, index) => ({
    name: `${event} again after a failure after the step ${name}`,
    failAfter: index,
    turns: eachOnce(events.length),
  }));

/** Each event once, in the order of the list. */
export const cleanPlan = (count: number): DeliveryPlan => ({ name: 'one clean run', turns: eachOnce(count) });

/**
 * The ways in which a broker may deliver these events.
 * @param steps those of a clean run
 */
export const deliveryPlans = (
  events: readonly string[],
  steps: readonly TakenStep[],
  order: 'key' | undefined,
): readonly DeliveryPlan[] => [
  ...repeated(events),
  ...(order === 'key' ? replayed(events) : unordered(events)),
  ...interrupted(events, steps),
];

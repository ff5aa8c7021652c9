import { setTimeout as after } from 'node:timers/promises';
import { PARTITIONS } from './member.ts';

/** What a step has cost. Times are milliseconds. */
export interface Cost {
  /** From the step until every member had its share. `undefined` if that never was. */
  readonly settled: number | undefined;
  /** The longest time without a new event: of the partitions that stayed with their member, and of those that moved. */
  readonly stayed: number;
  readonly moved: number;
  readonly twice: number;
}

const indexes = Array.from({ length: PARTITIONS }, (_, index) => index);

/** Knows which member has what, by the events that come. */
export const createWatch = () => {
  const seen = indexes.map(() => new Set<number>());
  const newestAt = indexes.map(() => Date.now());
  const owners: (string | undefined)[] = indexes.map(() => undefined);
  let ownersBefore = owners;
  let longest = indexes.map(() => 0);
  let twice = 0;

  const got = (member: string, partition: number, number: number, at: number): void => {
    owners[partition] = member;
    if (seen[partition]?.has(number)) {
      twice++;
      return;
    }
    seen[partition]?.add(number);
    longest[partition] = Math.max(longest[partition] ?? 0, at - (newestAt[partition] ?? at));
    newestAt[partition] = at;
  };
  /** Whether each of these members, and nobody else, gets events of its share of the partitions. */
  const isShared = (members: readonly string[]): boolean =>
    members.every((member) => owners.filter((owner) => owner === member).length === PARTITIONS / members.length) &&
    newestAt.every((at) => Date.now() - at < 500);
  /** @param leastMs waits so long before it looks for the end of the step, where nothing shows that the step has begun */
  const measure = async (
    act: () => unknown,
    members: readonly string[],
    leastMs = 0,
    limitMs = 90_000,
  ): Promise<Cost> => {
    ownersBefore = [...owners];
    longest = indexes.map(() => 0);
    twice = 0;
    const begun = Date.now();
    await act();
    const isOver = () => Date.now() - begun >= leastMs && isShared(members);
    while (!isOver() && Date.now() - begun < limitMs) await after(5);
    const settled = isOver() ? Date.now() - begun : undefined;
    // What comes twice may come a little later.
    await after(1_000);
    const gaps = indexes.map((index) => Math.max(longest[index] ?? 0, Date.now() - (newestAt[index] ?? 0) - 1_000));
    const gapOf = (isMoved: boolean) =>
      Math.max(0, ...gaps.filter((_, index) => (ownersBefore[index] !== owners[index]) === isMoved));
    return { settled, stayed: gapOf(false), moved: gapOf(true), twice };
  };
  /** How many of the events up to a number never came. */
  const countLost = (last: number): number =>
    seen.reduce((lost, numbers) => lost + indexesUpTo(last).filter((number) => !numbers.has(number)).length, 0);
  return { got, measure, countLost };
};

const indexesUpTo = (last: number) => Array.from({ length: last + 1 }, (_, index) => index);

export type Watch = ReturnType<typeof createWatch>;

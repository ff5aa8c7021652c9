import type { Outcome } from '../transport/index.ts';
import { arrayOf } from './as-text.ts';
import type { Claim } from './claim-statement.ts';
import { claimValues } from './claim-statement.ts';
import type { Row, Value } from './database.ts';
import type { OpenDelivery } from './open-deliveries.ts';
import {
  type Died,
  deadStatement,
  deadValues,
  type Retried,
  releaseStatement,
  retryStatement,
  retryValues,
} from './outcome-statements.ts';
import type { Tables } from './tables.ts';

interface Decided {
  readonly delivery: OpenDelivery;
  readonly outcome: Outcome;
}

/** Called when an outcome is carried out. */
type Ended = (delivery: OpenDelivery, outcome: Outcome) => void;

/** The outcomes that are not carried out yet. What fails is kept, and tried again. */
export const createOutcomes = (
  tables: Tables,
  query: (text: string, values: readonly Value[]) => Promise<readonly Row[]>,
) => {
  const statements = {
    retry: retryStatement(tables),
    dead: deadStatement(tables),
    release: releaseStatement(tables),
  };
  let decided: Decided[] = [];
  let otherCount = 0;
  let released: OpenDelivery[] = [];

  const claimOf = ({ delivery }: Decided): Claim => delivery.claimed;

  const carryOutReleases = async (): Promise<void> => {
    const rows = released;
    if (rows.length === 0) return;
    const unseen = arrayOf(rows.map(({ isSeen }) => (isSeen ? 0 : 1)));
    await query(statements.release, [...claimValues(rows.map(({ claimed }) => claimed)), unseen]);
    released = released.filter((each) => !rows.includes(each));
  };
  const carryOut = async (
    isOne: (outcome: Outcome) => boolean,
    run: (chosen: readonly Decided[]) => Promise<unknown>,
    ended: Ended,
  ): Promise<void> => {
    const chosen = decided.filter(({ outcome }) => isOne(outcome));
    if (chosen.length === 0) return;
    await run(chosen);
    otherCount -= chosen.length;
    const all = new Set(chosen);
    decided = decided.filter((each) => !all.has(each));
    for (const { delivery, outcome } of chosen) ended(delivery, outcome);
  };
  const retry = (chosen: readonly Decided[]) => {
    const retried = chosen.flatMap(({ delivery: { claimed }, outcome }): Retried[] =>
      outcome.is === 'retry' ? [{ claim: claimed, outcome }] : [],
    );
    return query(statements.retry, retryValues(retried));
  };
  const bury = (chosen: readonly Decided[]) => {
    const died = chosen.flatMap(({ delivery: { claimed }, outcome }): Died[] =>
      outcome.is === 'dead' ? [{ claim: claimed, outcome }] : [],
    );
    return query(statements.dead, deadValues(died));
  };

  return {
    add: (delivery: OpenDelivery, outcome: Outcome): void => {
      decided.push({ delivery, outcome });
      if (outcome.is !== 'done') otherCount++;
    },
    release: (delivery: OpenDelivery) => released.push(delivery),
    /** Whether there is something else than what is done. */
    hasOthers: () => released.length > 0 || otherCount > 0,
    isEmpty: () => decided.length === 0 && released.length === 0,
    /** Carries out all but what is done: that goes with the next claim. */
    carryOutOthers: async (ended: Ended): Promise<void> => {
      await carryOutReleases();
      await carryOut(({ is }) => is === 'retry', retry, ended);
      await carryOut(({ is }) => is === 'dead', bury, ended);
    },
    /** @param run removes the rows */
    carryOutDone: async <Result>(run: (done: readonly Claim[]) => Promise<Result>, ended: Ended): Promise<Result> => {
      const done = decided.filter(({ outcome }) => outcome.is === 'done');
      const result = await run(done.map(claimOf));
      const all = new Set(done);
      decided = decided.filter((each) => !all.has(each));
      for (const { delivery, outcome } of done) ended(delivery, outcome);
      return result;
    },
  };
};

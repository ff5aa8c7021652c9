import { sleep } from '../shared/sleep.ts';
import { arrayOf } from './as-text.ts';
import { isDueStatement } from './due-statement.ts';
import type { Owner } from './registrations.ts';
import type { Store } from './store.ts';

/** How long to wait before another look at the database. */
const LOOK_MS = 5;

export const untilNextLook = (): Promise<void> => sleep(LOOK_MS);

/** Resolves when this process handles nothing and nothing of its consumers is due, or when it is closed. */
export const whenIdle = async (
  { names, query, receiving, consumersOf }: Store,
  owner: Owner,
  isClosed: () => boolean,
): Promise<void> => {
  const isDue = async () => {
    const [row] = await query(isDueStatement(names), [arrayOf(consumersOf(owner))]);
    return row?.due === 'true';
  };
  while (!isClosed() && (receiving.isBusy() || (await isDue()) || receiving.isBusy())) {
    receiving.wake();
    await untilNextLook();
  }
};

import { ignore } from './clause.ts';
import { closing } from './closing.ts';
import { concurrency } from './concurrency.ts';
import { deadLetters } from './dead-letters.ts';
import { declaring } from './declaring.ts';
import { delivery } from './delivery.ts';
import { hostile } from './hostile.ts';
import { killing } from './killing.ts';
import { names } from './names.ts';
import { operator } from './operator.ts';
import { order } from './order.ts';
import { processes } from './processes.ts';
import { publishing } from './publishing.ts';
import { retry } from './retry.ts';
import { sessions } from './sessions.ts';
import type { ContractClause, ContractSetup } from './setup.ts';
import { tail } from './tail.ts';

/**
 * Every promise of a transport. A clause needs no test runner. Clauses may run at the same time, except one that is to run
 * `alone`.
 * @see clausesFor for those that a transport can be held to
 */
export const transportContract: readonly ContractClause[] = [
  ...delivery,
  ...publishing,
  ...processes,
  ...names,
  ...declaring,
  ...retry,
  ...order,
  ...concurrency,
  ...deadLetters,
  ...tail,
  ...operator,
  ...hostile,
  ...sessions,
  ...killing,
  ...closing,
];

/**
 * The clauses that a transport can be held to: those whose `needs` its features have.
 * @example
 * for (const { name, run } of await clausesFor(setup)) it(name, () => run(setup));
 */
export const clausesFor = async ({ connect }: ContractSetup): Promise<readonly ContractClause[]> => {
  const connection = connect().connect({
    service: 'features',
    namespace: '',
    sends: 'all',
    publishTimeoutMs: 10_000,
    report: ignore,
  });
  const { features } = connection;
  await connection.close();
  return transportContract.filter(({ needs }) => needs.every((feature) => features[feature]));
};

import type { Database } from './database.ts';

/** A statement of a transaction has failed, and whoever ran it did not let that be known. */
export const hiddenFailure = (cause?: unknown): Error =>
  new Error(
    '[mapbus] postgres: the transaction was rolled back, since a statement in it has failed. ' +
      'Use a savepoint around a statement that may fail',
    cause === undefined ? {} : { cause },
  );

/** For clients that do not tell that COMMIT was answered by a rollback: a last statement fails where an earlier one has. */
export const tellingHiddenFailures =
  <Session>(
    transaction: Database<Session>['transaction'],
    query: Database<Session>['query'],
  ): Database<Session>['transaction'] =>
  (run) =>
    transaction(async (session) => {
      const result = await run(session);
      await query('SELECT 1', [], session).catch((error: unknown) => {
        throw hiddenFailure(error);
      });
      return result;
    });

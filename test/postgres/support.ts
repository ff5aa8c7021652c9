import type { Database } from 'mapbus/postgres';
import type { ContractTransaction } from 'mapbus/testing';

/** A database that can fall silent, as for a process that is killed or frozen: what it asks is never answered. */
export const silenceable = <Session>(database: Database<Session>) => {
  let isSilent = false;
  const never = () => new Promise<never>(() => {});
  const unlessSilent = async <Result>(run: () => Promise<Result>): Promise<Result> => (isSilent ? never() : run());
  const silent: Database<Session> = {
    ...database,
    query: (text, values, session) => unlessSilent(() => database.query(text, values, session)),
    transaction: (run) => unlessSilent(() => database.transaction(run)),
    listen:
      database.listen &&
      ((channel, wake) => unlessSilent(async () => database.listen?.(channel, () => isSilent || wake()) ?? never())),
  };
  return {
    database: silent,
    silence: () => {
      isSilent = true;
    },
  };
};

/** A transaction that stays open until it is told to end. */
export const begin = async <Session>(database: Database<Session>): Promise<ContractTransaction> => {
  let end = (_: boolean) => {};
  const ended = new Promise<boolean>((resolve) => {
    end = resolve;
  });
  let start = (_: Session) => {};
  const started = new Promise<Session>((resolve) => {
    start = resolve;
  });
  const transaction = database.transaction(async (session) => {
    start(session);
    if (!(await ended)) throw new Error('rolled back on purpose');
  });
  transaction.catch(() => {});
  return {
    session: await started,
    commit: () => {
      end(true);
      return transaction;
    },
    rollBack: () => {
      end(false);
      return transaction.catch(() => {});
    },
  };
};

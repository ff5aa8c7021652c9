import { type Database, outbox } from 'mapbus/postgres';
import { type ContractSetup, type ContractTransaction, rehearsal } from 'mapbus/testing';
import type { Transport } from 'mapbus/transport';

/** A database that can fall silent, as for a process that is killed or frozen: what it asks is never answered. */
const silenceable = <Session>(database: Database<Session>) => {
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
const begin = async <Session>(database: Database<Session>): Promise<ContractTransaction> => {
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

const READY = { leaseMs: 1_000, pollMs: 50 };

/** What the contract of transports is proved with, on a database. */
export const contractSetup = <Session>(
  connectTo: () => Database<Session>,
  create: (options: {
    readonly database: Database<Session>;
    readonly leaseMs: number;
    readonly pollMs: number;
  }) => Transport<Session>,
): ContractSetup => {
  const silences = new Map<Transport, () => void>();
  return {
    connect: () => {
      const { database, silence } = silenceable(connectTo());
      // The contract gives a transport only the sessions of its own `begin`.
      const transport = create({ database, ...READY }) as Transport;
      silences.set(transport, silence);
      return transport;
    },
    kill: (transport) => silences.get(transport)?.(),
    begin: () => begin(connectTo()),
    leaseMs: READY.leaseMs,
  };
};

/** The same for an outbox. All transports of the setup are before the same broker. */
export const outboxSetup = <Session>(connectTo: () => Database<Session>): ContractSetup => {
  const broker = rehearsal();
  return contractSetup(connectTo, (options) => outbox({ ...options, transport: broker }));
};

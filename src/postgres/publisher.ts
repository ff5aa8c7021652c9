import type { Connection, Message } from '../transport/index.ts';
import { createBatches } from './batches.ts';
import { type Database, type Row, sqlStateOf, type Value } from './database.ts';
import type { Store } from './store.ts';

/** Characters of the bodies of one statement together. */
const MAX_SIZE = 4_000_000;

const UNDEFINED_TABLE = '42P01';
const INVALID_SCHEMA = '3F000';

interface PublisherParts<Session> {
  readonly store: Store;
  readonly database: Database<Session>;
  /** Stores messages, and gives the names of those that are routed. */
  readonly statement: string;
  readonly valuesOf: (messages: readonly Message[]) => Value[];
  /** The same for one message alone, if there is something simpler. */
  readonly one?: { readonly statement: string; readonly valuesOf: (message: Message) => Value[] };
}

const notSent = (message: string, cause?: unknown) =>
  Object.assign(new Error(message, cause === undefined ? {} : { cause }), { outcome: 'not-sent' });

/** What the server or the network has refused was certainly not stored. */
const toError = (cause: unknown): unknown => {
  const code = sqlStateOf(cause);
  if (code === UNDEFINED_TABLE || code === INVALID_SCHEMA)
    return notSent('[mapbus] postgres: the tables are missing. Await ready() first, or run the SQL of tables()', cause);
  const { code: systemCode } = Object(cause);
  const isRefused = systemCode === 'ECONNREFUSED' || (code !== undefined && !/^(08|57P|40003)/.test(code));
  return isRefused ? Object.assign(cause as object, { outcome: 'not-sent' }) : cause;
};

/** Stores events: in the transaction of a session, or several together in one of our own. */
export const createPublisher = <Session>(parts: PublisherParts<Session>): Connection['publish'] => {
  const { store, database, statement, valuesOf } = parts;
  const { one = { statement, valuesOf: (message: Message) => valuesOf([message]) } } = parts;
  const { names, query, settled, hints, isClosed } = store;
  let hasProvedSession = false;

  const routedOf = (rows: readonly Row[]) => new Set(rows.map(({ name }) => name ?? ''));

  const insertBatch = createBatches(MAX_SIZE, async (messages: readonly Message[]) => {
    const routed = routedOf(await query(statement, valuesOf(messages)));
    hints.published(true);
    return ({ name }: Message) => routed.has(name);
  });

  /** A statement that fails outside of a transaction: a pool is no session, nor is one whose transaction has ended. */
  const proveSession = async (session: Session): Promise<void> => {
    const isInTransaction = database.isInTransaction?.(session);
    if (isInTransaction === false) throw notSent('[mapbus] postgres: the transaction of the session has ended');
    if (isInTransaction && hasProvedSession) return;
    await database.query(`LOCK TABLE ${names.delivery} IN ROW EXCLUSIVE MODE`, [], session);
    hasProvedSession = true;
  };
  const insertInto = async (session: Session, message: Message): Promise<boolean> => {
    await settled();
    await proveSession(session);
    const routed = routedOf(await database.query(one.statement, one.valuesOf(message), session));
    hints.published(false);
    return routed.has(message.name);
  };

  return async (message, { session }) => {
    if (isClosed()) throw notSent('The connection is closed');
    if (message.body.includes('\0')) throw notSent('Postgres takes no character 0 in a body');
    try {
      const isRouted =
        session === undefined || session === null
          ? await insertBatch(message, message.body.length)
          : await insertInto(session as Session, message);
      return { unrouted: !isRouted };
    } catch (cause) {
      throw toError(cause);
    }
  };
};

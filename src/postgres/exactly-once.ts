import { attemptSessionOf } from '../service/attempt-session.ts';
import type { ConsumerContext } from '../service/types.ts';
import { check, type KnownOptions, readOptions } from '../shared/check.ts';
import type { Database } from './database.ts';
import { createInbox } from './inbox.ts';
import { ensureTables, readSchema, tablesOf } from './tables.ts';

/** How `exactlyOnce` remembers what was handled. */
export interface ExactlyOnceOptions {
  /** The schema of the tables. @default 'mapbus' */
  readonly schema?: string | undefined;
  /** Whether missing tables are created. @default true */
  readonly createTables?: boolean | undefined;
  /** Milliseconds for which a handled event is remembered. An event that comes again later is handled again. @default 7 days */
  readonly retentionMs?: number | undefined;
  /** Milliseconds after which the server ends a transaction in which nothing happens. @default 30_000 */
  readonly idleMs?: number | undefined;
}

const KNOWN_OPTIONS: KnownOptions = {
  schema: 'string',
  createTables: 'boolean',
  retentionMs: 'positive number',
  idleMs: 'positive milliseconds',
};

const WEEK_MS = 7 * 24 * 60 * 60 * 1_000;

/** The context of a consumer, and the session of its transaction until that ends. */
type WithSession<Context, Session> = Context & { readonly session: Session };

/** A context that inherits all fields, and has the session as long as the transaction is open. */
const withSession = <Context extends object, Session>(context: Context, sessionOf: () => Session | undefined) =>
  Object.create(context, { session: { get: sessionOf, enumerable: true } }) as WithSession<Context, Session>;

/**
 * A handler whose changes to a database happen exactly once for each event. They are in one transaction with a row that says
 * that this consumer has handled the event. When the event comes again, the handler does not run. `publish` below the handler
 * uses the session by itself. What the handler does elsewhere may still happen more than once.
 * @throws TypeError for a bad argument
 * @example
 * bus.consume('order.placed', 'charge-card', exactlyOnce(database, async ({ total }, { session }) => {
 *   await session.query('INSERT INTO charges …', [total]);
 * }));
 */
export const exactlyOnce = <Session, Payload, Context extends ConsumerContext = ConsumerContext>(
  database: Database<Session>,
  handler: (payload: Payload, context: WithSession<NoInfer<Context>, Session>) => unknown,
  options: ExactlyOnceOptions = {},
): ((payload: Payload, context: Context) => Promise<void>) => {
  check('exactlyOnce database', database, ['query', 'transaction']);
  check('exactlyOnce handler', handler, 'function');
  const what = 'exactlyOnce options';
  const { createTables = true, retentionMs = WEEK_MS, idleMs = 30_000 } = readOptions(what, options, KNOWN_OPTIONS);
  const schema = readSchema(what, options.schema);
  const inbox = createInbox({ database, names: tablesOf(schema), retentionMs, idleMs });
  const { maxConnections = Number.POSITIVE_INFINITY } = database;
  let prepared: Promise<void> | undefined;
  let running = 0;
  let hasWarned = false;

  const prepare = (): Promise<void> => {
    prepared ??= ensureTables(database, schema, createTables).catch((error) => {
      prepared = undefined;
      throw error;
    });
    return prepared;
  };
  const warnOfPool = (context: Context): void => {
    if (hasWarned || running <= maxConnections) return;
    hasWarned = true;
    const attempt = attemptSessionOf(context);
    attempt?.log('warn', 'event_pool_too_small', { consumer: attempt.consumer, concurrency: running, maxConnections });
  };

  const handle = async (payload: Payload, context: Context, session: Session): Promise<void> => {
    const { id, source, signal } = context;
    const attempt = attemptSessionOf(context);
    if (!(await inbox.isFirst({ consumer: attempt?.consumer ?? '', source, id }, session))) return;
    let open: Session | undefined = session;
    attempt?.setSession(session);
    try {
      await handler(
        payload,
        withSession(context, () => open),
      );
      // Publishes that the handler did not await belong to the transaction too.
      const error = await attempt?.published();
      if (error) throw error;
    } catch (error) {
      // Else they would be stored after the rollback.
      await attempt?.published();
      throw error;
    } finally {
      attempt?.setSession(undefined);
      open = undefined;
    }
    // The event may be handled by another process by now.
    signal.throwIfAborted();
  };

  return async (payload, context) => {
    await prepare();
    running++;
    warnOfPool(context);
    try {
      await database.transaction((session) => handle(payload, context, session));
    } finally {
      running--;
    }
    inbox.clean().catch((error) => attemptSessionOf(context)?.log('warn', 'event_transport_trouble', { error }));
  };
};

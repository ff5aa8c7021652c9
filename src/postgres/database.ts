/** A row of a result. Every value is text: statements convert it, so that all clients give the same. */
export type Row = Readonly<Record<string, string | null>>;

/** A value of a statement: text, or nothing. */
export type Value = string | null;

/**
 * A database, as `mapbus/postgres` uses it. `fromPg` and the like make one of a client. Write one for another client: its
 * statements have the placeholders `$1`, `$2` and so on, and convert all values from and to text.
 */
export interface Database<Session> {
  /** Runs one statement: in the transaction of the session, or on its own without one. */
  readonly query: (text: string, values: readonly Value[], session?: Session) => Promise<readonly Row[]>;
  /**
   * Commits what a function does with the session when its promise resolves, and rolls it back when it rejects. Rejects too
   * if the server has rolled back: a statement had failed, and the function has hidden that.
   */
  readonly transaction: <Result>(run: (session: Session) => Promise<Result>) => Promise<Result>;
  /**
   * Calls back for each notification of a channel, and after it has connected again, until the returned function is called.
   * Left out, new events are found by polling.
   */
  readonly listen?: ((channel: string, wake: () => void) => Promise<() => Promise<void>>) | undefined;
  /** Why a value is no session of this database: it is the pool itself, or of another client. */
  readonly refuseSession?: ((session: unknown) => string | undefined) | undefined;
  /**
   * Whether a session is in its transaction still; `undefined` if the client does not know. Left out, the server is asked
   * before each event: an event must not be stored outside of the transaction that it belongs to.
   */
  readonly isInTransaction?: ((session: Session) => boolean | undefined) | undefined;
  /** How many connections the client has at most. */
  readonly maxConnections?: number | undefined;
}

/** The code of an error of the server, as all clients have it; some wrap it. */
export const sqlStateOf = (error: unknown): string | undefined => {
  for (let each: unknown = error, depth = 0; typeof each === 'object' && each !== null && depth < 5; depth++) {
    const { code, cause, driverError, meta } = each as Record<string, unknown>;
    if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) return code;
    const inner = (meta as { readonly driverAdapterError?: unknown } | undefined)?.driverAdapterError;
    each = cause ?? driverError ?? inner;
  }
  return undefined;
};

/** Whether the server has answered with an error, and goes on. */
export const isAnswer = (error: unknown): boolean => {
  const code = sqlStateOf(error);
  return code !== undefined && !/^(08|57P)/.test(code);
};

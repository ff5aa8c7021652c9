import type { EventBusError } from '../bus/types.ts';

/** Known to every copy of the package. */
export const ATTEMPT_SESSION: unique symbol = Symbol.for('mapbus.attempt-session') as never;

/** What runs a consumer in a transaction of its own. */
export interface AttemptSession {
  /** Namespace, service and name of the consumer. */
  readonly consumer: string;
  /** Publishes below the attempt use the session by themselves, until it is `undefined` again. */
  readonly setSession: (session: unknown) => void;
  /** Resolves with the first error of a publish below the attempt, once all of them have settled. */
  readonly published: () => Promise<EventBusError | undefined> | undefined;
  readonly log: (level: 'debug' | 'warn' | 'error', message: string, fields: Record<string, unknown>) => void;
}

/** Of a context that a bus has given to a consumer. */
export const attemptSessionOf = (context: object): AttemptSession | undefined =>
  (context as { readonly [ATTEMPT_SESSION]?: AttemptSession })[ATTEMPT_SESSION];

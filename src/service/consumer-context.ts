import type { Metadata } from '../bus/types.ts';
import { ATTEMPT_SESSION, type AttemptSession } from './attempt-session.ts';
import type { Attempt } from './attempts.ts';
import type { ReceivedEnvelope } from './envelope.ts';
import type { ConsumerContext } from './types.ts';

const EVENT: unique symbol = Symbol('event');
const NUMBER: unique symbol = Symbol('attempt number');
const ATTEMPT: unique symbol = Symbol('attempt');

interface Fields {
  readonly [EVENT]: ReceivedEnvelope;
  readonly [NUMBER]: number;
  readonly [ATTEMPT]: Attempt;
}

const shown = ({ name, id, source, occurredAt, metadata, key, attempt }: ConsumerContext) => ({
  name,
  id,
  source,
  occurredAt,
  metadata: { ...metadata },
  key,
  attempt,
});

// As in the bus, `this` stays here: fields without setters on a shared prototype are read-only, and cost a tenth of a
// frozen object.
const prototype: object & ThisType<Fields & ConsumerContext> = {
  get name(): string {
    return this[EVENT].name;
  },
  get id(): string {
    return this[EVENT].id;
  },
  get source(): string {
    return this[EVENT].source;
  },
  get occurredAt(): Date {
    return new Date(this[EVENT].occurredAt);
  },
  get metadata(): Metadata {
    return this[EVENT].metadata;
  },
  get key(): string | undefined {
    return this[EVENT].key;
  },
  get attempt(): number {
    return this[NUMBER];
  },
  get signal(): AbortSignal {
    return this[ATTEMPT].signal();
  },
  get [ATTEMPT_SESSION](): AttemptSession {
    return this[ATTEMPT];
  },
  toJSON() {
    return shown(this);
  },
  [Symbol.for('nodejs.util.inspect.custom')]() {
    return shown(this);
  },
};

/** The context of one attempt. */
export const createConsumerContext = (event: ReceivedEnvelope, number: number, attempt: Attempt): ConsumerContext => {
  const context = Object.create(prototype);
  context[EVENT] = event;
  context[NUMBER] = number;
  context[ATTEMPT] = attempt;
  return context;
};

/** The attempt that a context belongs to: that of a consumer, or of a publish below one. */
export const attemptOf = (context: object | undefined): Attempt | undefined =>
  (context as Partial<Fields> | undefined)?.[ATTEMPT];

/** Makes a publish belong to an attempt, with all that its handlers publish. */
export const belongsTo = (context: object, attempt: Attempt): void => {
  Object.defineProperty(context, ATTEMPT, { value: attempt });
};

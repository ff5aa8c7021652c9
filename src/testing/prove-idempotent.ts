import { isNonRetryable } from '../service/non-retryable.ts';
import { serialize } from '../service/serialize.ts';
import type { ConsumerContext } from '../service/types.ts';
import { check, checkOneOf, type KnownOptions, readOptions } from '../shared/check.ts';
import { describeError } from '../shared/errors.ts';
import { cleanPlan, type DeliveryPlan, deliveryPlans } from './delivery-plans.ts';
import { endStateOf } from './end-state.ts';
import { createConsumerContext, type Sendable } from './run-consumer.ts';
import { createSteps, type Step, type TakenStep } from './steps.ts';

/** An event for `proveIdempotent`: what a publisher would pass, and fields of the context where the defaults do not fit. */
export interface IdempotencyEvent<Payload, Name extends string>
  extends Partial<Pick<ConsumerContext<Name>, 'name' | 'source' | 'occurredAt' | 'metadata' | 'key'>> {
  /** What a publisher would pass. For a handler of several events, `{ name, payload }`. */
  readonly payload: Sendable<Payload>;
  /** @default `event-1` for the first event, and so on */
  readonly id?: string | undefined;
}

/** What a handler is run on, and how its end state is read. */
export interface IdempotencyOptions<Payload, Name extends string, World> {
  /** Makes what one run begins with, such as empty tables. It is called before each run. */
  readonly setUp: (tools: { readonly step: Step }) => World | Promise<World>;
  /** The state after a run, as data that JSON carries. Sort what has no order of its own. */
  readonly snapshot: (world: World) => unknown;
  /** Two events or more, so that one can overtake another. */
  readonly events: readonly NoInfer<IdempotencyEvent<Payload, Name>>[];
  /** Called after each run. */
  readonly tearDown?: ((world: World) => unknown) | undefined;
  /** That of `consume`. With `'key'`, no event overtakes another. @default no order */
  readonly order?: 'key' | undefined;
  /** How often an event that fails is tried before it counts as a dead letter. @default 3 */
  readonly maxAttempts?: number | undefined;
}

/** What was proved. */
export interface IdempotencyProof {
  /** How the events were delivered, run by run. Each run had the same end state as one clean run. */
  readonly deliveries: readonly string[];
}

const KNOWN_OPTIONS: KnownOptions = {
  setUp: 'function',
  snapshot: 'function',
  events: 'array',
  tearDown: 'function',
  order: 'string',
  maxAttempts: 'positive integer',
};

/** An event as each delivery of it is. */
interface ReadyEvent<Name extends string> {
  readonly label: string;
  readonly json: string | undefined;
  readonly fields: Partial<ConsumerContext<Name>>;
}

/** How one run has ended. */
interface Ended {
  readonly state: string;
  readonly steps: readonly TakenStep[];
  /** The events that could not be handled, and why. */
  readonly dead: readonly { readonly label: string; readonly error: unknown }[];
}

const toReadyEvent = <Payload, Name extends string>(
  { payload, id, ...fields }: IdempotencyEvent<Payload, Name>,
  index: number,
): ReadyEvent<Name> => {
  const known = id ?? `event-${index + 1}`;
  const label = fields.name === undefined ? known : `${fields.name} ${known}`;
  const ready = { label, json: serialize(payload), fields: { ...fields, id: known } };
  // Bad fields are refused before anything runs.
  createConsumerContext(ready.fields);
  return ready;
};

type Handler<Payload, Name extends string, World> = (
  payload: Payload,
  context: ConsumerContext<Name>,
  world: World,
) => unknown;

/** Runs a handler on events as a plan says. */
const createRunPlan = <Payload, Name extends string, World>(
  handler: Handler<Payload, Name, World>,
  options: IdempotencyOptions<Payload, Name, World>,
  events: readonly ReadyEvent<Name>[],
) => {
  const { setUp, snapshot, tearDown = () => {}, maxAttempts = 3 } = options;

  const handle = async ({ json, fields }: ReadyEvent<Name>, attempt: number, world: World): Promise<void> => {
    const context = createConsumerContext<Name>({ ...fields, attempt });
    await handler(json === undefined ? undefined : JSON.parse(json), context, world);
  };
  /** Resolves with what the last attempt has failed with. */
  const deliver = async (event: ReadyEvent<Name>, world: World): Promise<{ readonly error: unknown } | undefined> => {
    for (let attempt = 1; ; attempt++) {
      try {
        await handle(event, attempt, world);
        return undefined;
      } catch (error) {
        if (attempt >= maxAttempts || isNonRetryable(error)) return { error };
      }
    }
  };

  return async ({ turns, failAfter }: DeliveryPlan): Promise<Ended> => {
    const { step, taken, begin } = createSteps(failAfter);
    const world = await setUp({ step });
    const dead: { readonly label: string; readonly error: unknown }[] = [];
    const deliverOne = async (event: ReadyEvent<Name>): Promise<void> => {
      begin(event.label);
      const failed = await deliver(event, world);
      if (failed) dead.push({ label: event.label, error: failed.error });
    };
    try {
      for (const turn of turns)
        await Promise.all(turn.flatMap((index) => events.slice(index, index + 1)).map(deliverOne));
      return { state: endStateOf(await snapshot(world)), steps: taken, dead };
    } finally {
      await tearDown(world);
    }
  };
};

/** @throws an error if a comparison with this run would prove nothing */
const checkCleanRun = ({ state, dead: [first] }: Ended, untouched: string): void => {
  if (first)
    throw new Error(
      `[mapbus] proveIdempotent: the handler fails in a clean run, on ${first.label}: ${describeError(first.error).errorMessage}`,
      { cause: first.error },
    );
  if (state === untouched)
    throw new Error(`[mapbus] proveIdempotent: the events change nothing that the snapshot shows: ${state}`);
};

/** What a run differs in from a clean one. */
const differenceOf = ({ name, failAfter }: DeliveryPlan, ended: Ended, clean: Ended): string | undefined => {
  const { state, dead, steps } = ended;
  if (failAfter !== undefined && steps.length <= failAfter) return `${name}: the step was not reached in this run`;
  const [first] = dead;
  if (first) return `${name}: ${first.label} became a dead letter: ${describeError(first.error).errorMessage}`;
  return state === clean.state ? undefined : `${name}: ${state}`;
};

/**
 * Proves that a consumer may get each event more than once. It runs the handler on a list of events: with one of them twice,
 * twice at the same time, late and out of order, and with a failure after each `step` that the handler has awaited. Each run
 * must have the end state of one clean run, and no dead letter.
 * @param handler of a consumer; its third argument is what `setUp` has returned
 * @throws (rejects with) an error that names the deliveries which made a difference; or that says why nothing can be proved
 * @example
 * await proveIdempotent(addRevenue, {
 *   setUp: () => database.exec('TRUNCATE handled; UPDATE revenue SET total = 0'),
 *   snapshot: async () => (await database.query('SELECT total FROM revenue')).rows,
 *   events: [{ payload: { total: 3 } }, { payload: { total: 4 } }],
 * });
 */
export const proveIdempotent = async <Payload, Name extends string, World>(
  handler: Handler<Payload, Name, World>,
  options: IdempotencyOptions<Payload, Name, World>,
): Promise<IdempotencyProof> => {
  check('proveIdempotent handler', handler, 'function');
  const what = 'proveIdempotent options';
  const given = readOptions(what, options, KNOWN_OPTIONS);
  check(`${what}.setUp`, given.setUp, 'function');
  check(`${what}.snapshot`, given.snapshot, 'function');
  check(`${what}.events`, given.events, 'array');
  if (given.order !== undefined) checkOneOf(`${what}.order`, given.order, ['key']);
  const events = given.events.map(toReadyEvent);
  if (events.length === 0) throw new TypeError(`[mapbus] ${what}.events: expected at least one event, got none`);

  const run = createRunPlan(handler, given, events);
  const untouched = await run({ name: 'no event', turns: [] });
  const clean = await run(cleanPlan(events.length));
  checkCleanRun(clean, untouched.state);
  const labels = events.map(({ label }) => label);
  const plans = deliveryPlans(labels, clean.steps, given.order);
  const differences: string[] = [];
  for (const plan of plans) {
    const difference = differenceOf(plan, await run(plan), clean);
    if (difference !== undefined) differences.push(difference);
  }
  if (differences.length > 0)
    throw new Error(
      `[mapbus] The consumer is not idempotent. One clean run ends with ${clean.state}, but:\n- ${differences.join('\n- ')}`,
    );
  return { deliveries: plans.map(({ name }) => name) };
};

import { repeat } from '../shared/repeat.ts';
import type { ConnectionContext, ConsumerSpec } from '../transport/index.ts';
import { arrayOf } from './as-text.ts';
import type { Row, Value } from './database.ts';
import type { Registration } from './receiver.ts';
import { type Owner, touchStatement } from './registrations.ts';
import type { Tables } from './tables.ts';

/** How often a process says that it runs its consumers, at the most. */
const TOUCH_MS = 10_000;
/** Of the time after which a consumer is removed. */
const TOUCH_PART = 1 / 3;
const CLEAN_MS = 30_000;

interface Registered {
  readonly owner: Owner;
  readonly spec: ConsumerSpec;
  readonly registration: Registration;
}

interface UpkeepParts {
  readonly names: Tables;
  readonly query: (text: string, values: readonly Value[]) => Promise<readonly Row[]>;
  readonly registered: () => readonly Registered[];
  readonly register: (owner: Owner, specs: readonly ConsumerSpec[]) => Promise<void>;
  readonly clean: () => Promise<void>;
  readonly report: ConnectionContext['report'];
}

/** What a process does from time to time: it says that its consumers are run, and cleans up. */
export const startUpkeep = ({ names, query, registered, register, clean, report }: UpkeepParts) => {
  const touch = touchStatement(names);
  const trouble = (error: unknown) => report('warn', 'event_transport_trouble', { error });

  const touchOwner = async ({ namespace, service }: Owner, all: readonly Registered[]): Promise<void> => {
    const rows = await query(touch, [
      namespace,
      service,
      arrayOf(all.map(({ registration }) => registration.consumer)),
      arrayOf(all.flatMap(({ registration }) => registration.subscriptions)),
      arrayOf(
        all.flatMap(({ spec }) => (spec.formerly === undefined ? [spec.consumer] : [spec.consumer, spec.formerly])),
      ),
    ]);
    const present = new Set(rows.map(({ id }) => id));
    const missing = all.filter(({ registration }) => !present.has(registration.consumer));
    if (missing.length === 0) return;
    // They were renamed by another version, or no sign of life came through for too long.
    report('debug', 'event_consumers_restored', { consumers: missing.map(({ spec }) => spec.consumer) });
    await register(
      { namespace, service },
      missing.map(({ spec }) => spec),
    );
  };
  const touchAll = async (): Promise<void> => {
    const all = registered();
    for (const owner of new Set(all.map((each) => each.owner)))
      await touchOwner(
        owner,
        all.filter((each) => each.owner === owner),
      );
  };
  const touchMs = () => Math.min(TOUCH_MS, ...registered().map(({ spec }) => spec.expiresAfterMs * TOUCH_PART));
  const touching = repeat(touchAll, touchMs, trouble);
  const cleaning = repeat(clean, () => CLEAN_MS * (0.5 + Math.random()), trouble);
  return {
    /** A consumer that expires soon is seen more often. */
    adapt: touching.schedule,
    stop: () => {
      touching.stop();
      cleaning.stop();
    },
  };
};

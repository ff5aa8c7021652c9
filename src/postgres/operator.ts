import { repeat } from '../shared/repeat.ts';
import type { ConsumerSpec, OperatorTools, PlanEntry, Receiving, StoredConsumer } from '../transport/index.ts';
import { freed } from './claim-statement.ts';
import type { Row, Value } from './database.ts';
import type { Owner } from './registrations.ts';
import type { Tables } from './tables.ts';

/** How often it is looked for new names. */
const LOOK_MS = 1_000;
/**
 * A process says every ten seconds that it runs its consumers, or three times within the time after which one expires. It
 * may be late by half of that.
 */
const IS_RUN = "c.seen_at > now() - least(interval '15 s', c.expires_after / 2)";

interface Parts {
  readonly names: Tables;
  readonly owner: Owner;
  /** Creates no table. */
  readonly query: (text: string, values: readonly Value[]) => Promise<readonly Row[]>;
  readonly tail: (names: readonly string[], tell: (body: string | Uint8Array) => void) => Promise<Receiving>;
  readonly trouble: (error: unknown) => void;
}

const listStatement = ({ consumer, delivery, subscription }: Tables): string => `
SELECT c.name, c.is_ordered::text AS ordered, (extract(epoch FROM c.expires_after) * 1000)::bigint::text AS expires,
  (extract(epoch FROM c.seen_at) * 1000)::bigint::text AS seen, (${IS_RUN})::text AS run,
  (SELECT coalesce(json_agg(s.name ORDER BY s.name COLLATE "C"), '[]')::text FROM ${subscription} s
    WHERE s.consumer = c.id) AS names,
  (SELECT count(*)::text FROM ${delivery} d WHERE d.consumer = c.id) AS waiting
FROM ${consumer} c WHERE c.namespace = $1::text AND c.service = $2::text AND c.seen_at + c.expires_after > now()
ORDER BY c.name COLLATE "C"`;

const removeStatement = (tables: Tables): string => `
WITH gone AS (DELETE FROM ${tables.consumer} c WHERE c.namespace = $1::text AND c.service = $2::text AND c.name = $3::text
    AND NOT (${IS_RUN}) RETURNING c.id),
  names AS (DELETE FROM ${tables.subscription} s USING gone g WHERE s.consumer = g.id),
  former AS (DELETE FROM ${tables.formerName} f USING gone g WHERE f.consumer = g.id),
  waiting AS (DELETE FROM ${tables.delivery} d USING gone g WHERE d.consumer = g.id RETURNING d.event, d.consumer),
  ${freed(tables, 'waiting')}
SELECT count(*)::text AS count FROM gone`;

interface Listed extends StoredConsumer {
  readonly names: readonly string[];
  readonly isOrdered: boolean;
  readonly expiresAfterMs: number;
}

const listedOf = ({ name, ordered, expires, seen, run, names, waiting }: Row): Listed => ({
  consumer: name ?? '',
  names: JSON.parse(names ?? '[]') as string[],
  inForce: true,
  waiting: Number(waiting),
  isRun: run === 'true',
  processes: undefined,
  lastSeenAt: new Date(Number(seen)),
  isOrdered: ordered === 'true',
  expiresAfterMs: Number(expires),
});

const entry = (what: string, is: PlanEntry['is'], detail?: string): PlanEntry => ({ what, is, detail });

const compareOne = (spec: ConsumerSpec, found: Listed | undefined): PlanEntry[] => {
  const what = `consumer ${spec.consumer}`;
  const eventOf = (name: string) => `event ${name} of consumer ${spec.consumer}`;
  if (!found) return [entry(what, 'missing'), ...spec.names.map((name) => entry(eventOf(name), 'missing'))];
  const differences: string[] = [];
  if (found.isOrdered !== (spec.order === 'key'))
    differences.push(`order is ${found.isOrdered ? 'key' : 'none'}, planned ${spec.order ?? 'none'}`);
  if (Math.abs(found.expiresAfterMs - spec.expiresAfterMs) > 1)
    differences.push(`expiresAfterMs is ${found.expiresAfterMs}, planned ${spec.expiresAfterMs}`);
  return [
    differences.length > 0 ? entry(what, 'different', differences.join('; ')) : entry(what, 'present'),
    ...spec.names.map((name) => entry(eventOf(name), found.names.includes(name) ? 'present' : 'missing')),
    ...found.names
      .filter((name) => !spec.names.includes(name))
      .map((name) => entry(eventOf(name), 'unplanned', 'a process of another version may need it')),
  ];
};

/** What an operator needs, as statements on the tables. */
export const createOperator = ({ names, owner, query, tail, trouble }: Parts): OperatorTools => {
  const statements = { list: listStatement(names), remove: removeStatement(names) };
  const owned = [owner.namespace, owner.service];

  const list = async (): Promise<Listed[]> => (await query(statements.list, owned)).map(listedOf);

  const consumers = async (): Promise<StoredConsumer[]> =>
    (await list()).map(({ isOrdered: _, expiresAfterMs: __, ...consumer }) => consumer);

  const remove = async (consumer: string): Promise<boolean> => {
    const [row] = await query(statements.remove, [...owned, consumer]);
    if (Number(row?.count ?? 0) > 0) return true;
    if (!(await list()).some((found) => found.consumer === consumer)) return false;
    throw new Error(`Cannot remove the consumer ${consumer}: a process runs it`);
  };

  const compare: OperatorTools['compare'] = async (specs) => {
    const found = await list();
    const planned = new Set(specs.map(({ consumer }) => consumer));
    const others = found.filter(({ consumer }) => !planned.has(consumer));
    return [
      ...specs.flatMap((spec) =>
        compareOne(
          spec,
          found.find(({ consumer }) => consumer === spec.consumer),
        ),
      ),
      ...others.map(({ consumer }) => entry(`consumer ${consumer}`, 'unplanned')),
    ];
  };

  /** An event is stored only if somebody subscribes to its name. So these are the names that can be heard. */
  const knownNames = async (): Promise<string[]> => {
    const rows = await query(`SELECT DISTINCT name FROM ${names.subscription} WHERE namespace = $1::text`, [
      owner.namespace,
    ]);
    return rows.map(({ name }) => name ?? '');
  };

  /** Tails each name that is wanted, from when it is known on. */
  const tailMatching = async (
    isWanted: (name: string) => boolean,
    tell: (body: string | Uint8Array) => void,
  ): Promise<Receiving> => {
    const heard = new Map<string, Receiving>();
    let isStopped = false;
    const look = async (): Promise<void> => {
      const fresh = (await knownNames()).filter((name) => !heard.has(name) && isWanted(name));
      if (fresh.length === 0 || isStopped) return;
      const receiving = await tail(fresh, tell);
      for (const name of fresh) heard.set(name, receiving);
      if (isStopped) await receiving.stop();
    };
    await look();
    const looking = repeat(look, () => LOOK_MS, trouble);
    const stop = async (): Promise<void> => {
      isStopped = true;
      looking.stop();
      await Promise.all([...new Set(heard.values())].map((receiving) => receiving.stop()));
    };
    return { stop };
  };

  return {
    consumers,
    remove,
    compare,
    tail: (wanted, tell) => (typeof wanted === 'function' ? tailMatching(wanted, tell) : tail(wanted, tell)),
  };
};

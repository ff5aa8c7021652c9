// Everything that is measured on one Node.
import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { type Case, cases, MANY_ROUNDS, ROUNDS } from './cases.ts';
import { contenders, titleOf } from './contenders.ts';
import { ownCases } from './own-cases.ts';
import { median, type Rounds, run, runNumber, takeTurns } from './processes.ts';

export interface Measured {
  readonly node: string;
  readonly cpu: string;
  /** The names of the contenders with their versions. */
  readonly titles: Readonly<Record<string, string>>;
  /** By case and contender, in nanoseconds. */
  readonly cases: Readonly<Record<string, Rounds>>;
  /** By case of mapbus alone, in nanoseconds. */
  readonly own: Rounds;
  /** The bus with and without the options `observers` and `metadata`, in nanoseconds. */
  readonly builds: Rounds;
  /** Bytes for one subscription, by contender. */
  readonly subscription: Readonly<Record<string, number>>;
  /** Bytes for one publish while its handlers run, and when they have settled. */
  readonly inFlight: { readonly running: number; readonly settled: number };
  /** What happens when a handler throws and when it rejects, by contender. */
  readonly failures: Readonly<Record<string, readonly string[]>>;
}

const mapEach = <Value>(keys: readonly string[], measureOne: (key: string) => Value): Record<string, Value> =>
  Object.fromEntries(keys.map((key) => [key, measureOne(key)]));

const keysOf = (takes: Case['takes']) => contenders.filter(takes).map(({ key }) => key);

export const measureAll = (node: string, buses: { readonly with: string; readonly without: string }): Measured => {
  const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
  const tell = (what: string) => console.error(`${version} ${what}`);

  const measureCase = ({ name, rounds, takes }: Case): Rounds => {
    tell(name);
    const time = (contender: string) => () => runNumber(node, { kind: 'case', contender, name });
    return takeTurns(rounds, mapEach(keysOf(takes), time));
  };
  const measureOwn = (): Rounds => {
    tell('mapbus alone');
    return takeTurns(
      MANY_ROUNDS,
      mapEach(ownCases, (name) => () => runNumber(node, { kind: 'own case', name })),
    );
  };
  const measureBuilds = (): Rounds => {
    tell('without the options observers and metadata');
    const time = (bus: string) => () => runNumber(node, { kind: 'own case', name: 'publish, 4 handlers' }, bus);
    // Its limit is 2 %, which takes more rounds than a factor.
    return takeTurns(3 * MANY_ROUNDS, { with: time(buses.with), without: time(buses.without) });
  };
  const measureSubscription = (contender: string): number =>
    median(Array.from({ length: ROUNDS }, () => runNumber(node, { kind: 'subscription', contender })));
  const tryFailures = (contender: string): readonly string[] => {
    const outcomes = run(node, { kind: 'failures', contender });
    return typeof outcomes === 'number' ? [] : outcomes;
  };

  return {
    node: version,
    cpu: cpus()[0]?.model ?? 'unknown processor',
    titles: Object.fromEntries(contenders.map((one) => [one.key, titleOf(one, version.startsWith('v20.'))])),
    cases: Object.fromEntries(cases.map((one) => [one.name, measureCase(one)])),
    own: measureOwn(),
    builds: measureBuilds(),
    subscription: mapEach(
      keysOf(({ removes }) => removes === true),
      measureSubscription,
    ),
    inFlight: {
      running: runNumber(node, { kind: 'in flight', isSettled: false }),
      settled: runNumber(node, { kind: 'in flight', isSettled: true }),
    },
    failures: mapEach(
      keysOf(({ key }) => !key.startsWith('bare')),
      tryFailures,
    ),
  };
};

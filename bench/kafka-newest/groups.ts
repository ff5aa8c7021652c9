// What it costs when members of a group come, go, die and freeze: 12 partitions with an event each every 20 ms.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as after } from 'node:timers/promises';
import { Admin, ConfigResourceTypes, Producer } from '@platformatic/kafka';
import { groupOf, type MemberOptions, PARTITIONS, type Told, topicOf } from './member.ts';
import { type Cost, createWatch, type Watch } from './watch.ts';

const EVERY_MS = 20;

interface Kind {
  readonly kind: MemberOptions['kind'];
  readonly sessionMs: number;
  readonly settings?: Record<string, string>;
}

/** Sessions of 10 s as a mapbus has by default, and what a broker gives to groups of the consumer protocol by default. */
export const kinds = {
  'classic, mapbus': { kind: 'mapbus', sessionMs: 10_000 },
  'classic, client alone': { kind: 'classic', sessionMs: 10_000 },
  'consumer, as the broker is': { kind: 'consumer', sessionMs: 45_000 },
  'consumer, set to 1 s and 10 s': {
    kind: 'consumer',
    sessionMs: 10_000,
    settings: { 'consumer.session.timeout.ms': '10000', 'consumer.heartbeat.interval.ms': '1000' },
  },
} satisfies Record<string, Kind>;

export type KindName = keyof typeof kinds;

interface Member {
  readonly name: string;
  readonly child: ChildProcess;
  /** Milliseconds from its start to its first partitions, as its client says. */
  readonly firstAssigned: () => number | undefined;
  readonly firstGot: () => number | undefined;
  readonly leave: () => Promise<void>;
  readonly kill: () => Promise<void>;
}

let unique = 0;

const startMember = (options: MemberOptions, watch: Watch): Member => {
  const name = `${options.instanceId}#${unique++}`;
  const child = fork(new URL('member.ts', import.meta.url), [JSON.stringify(options)]);
  let startedAt = 0;
  let assigned: number | undefined;
  let first: number | undefined;
  child.on('message', (told: Told) => {
    if (told.is === 'started') startedAt = told.at;
    else if (told.is === 'got') {
      first ??= told.at - startedAt;
      watch.got(name, told.partition, told.number, told.at);
    } else if (told.count > 0) assigned ??= told.at - startedAt;
  });
  const ended = once(child, 'exit');
  return {
    name,
    child,
    firstAssigned: () => assigned,
    firstGot: () => first,
    leave: async () => {
      child.send('leave');
      await Promise.race([ended, after(20_000)]);
      child.kill('SIGKILL');
    },
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
};

export interface Place {
  /** Directly, and through the proxy. */
  readonly direct: string;
  readonly proxied: string;
  /** Resets all connections of the members. */
  readonly cut: () => void;
}

/** A topic of its own with events that keep coming, and a group on it. */
const openStage = async ({ direct, proxied }: Place, settings: Record<string, string> = {}) => {
  const service = `trial${Date.now()}${unique++}`;
  const event = `tried${Date.now()}${unique++}`;
  const options = { clientId: 'trial', bootstrapBrokers: [direct] };
  const admin = new Admin(options);
  await admin.createTopics({ topics: [topicOf(event)], partitions: PARTITIONS, replicas: 1 });
  if (Object.keys(settings).length > 0)
    await admin.incrementalAlterConfigs({
      resources: [
        {
          resourceType: ConfigResourceTypes.GROUP,
          resourceName: groupOf(service),
          configs: Object.entries(settings).map(([name, value]) => ({ name, value, configOperation: 0 })),
        },
      ],
    });
  const producer = new Producer<Buffer, Buffer, string, string>({
    ...options,
    serializers: { headerKey: toBytes, headerValue: toBytes },
  });
  const watch = createWatch();
  let number = -1;
  const send = async () => {
    number++;
    const messages = Array.from({ length: PARTITIONS }, (_, partition) => ({
      topic: topicOf(event),
      partition,
      value: Buffer.from(
        JSON.stringify({
          specversion: '1.0',
          id: `${partition}-${number}`,
          source: '/trial',
          type: event,
          time: new Date().toISOString(),
          data: { partition, number },
        }),
      ),
      headers: { 'content-type': 'application/cloudevents+json' },
    }));
    await producer.send({ messages });
  };
  let sending: ReturnType<typeof setInterval> | undefined;
  const start = (): void => {
    sending = setInterval(send, EVERY_MS);
  };
  const close = async (): Promise<number> => {
    clearInterval(sending);
    await after(3_000);
    const lost = watch.countLost(number);
    await Promise.all([producer.close(true), admin.close()]);
    return lost;
  };
  const member = (kind: MemberOptions['kind'], instanceId: string, sessionMs: number): Member =>
    startMember({ kind, broker: proxied, service, event, instanceId, sessionMs }, watch);
  const groupType = async (): Promise<string> => {
    const groups = await admin.listGroups({ types: ['classic', 'consumer'] });
    return groups.get(groupOf(service))?.groupType ?? 'none';
  };
  return { start, watch, member, close, groupType };
};

const toBytes = (text?: string) => (text === undefined ? undefined : Buffer.from(text));

export interface Start {
  readonly assigned: number | undefined;
  readonly got: number | undefined;
}

const startOf = ({ firstAssigned, firstGot }: Member): Start => ({ assigned: firstAssigned(), got: firstGot() });

/** What one kind of group costs, step by step. */
export const measureKind = async (place: Place, { kind, sessionMs, settings }: Kind) => {
  const stage = await openStage(place, settings);
  const { watch } = stage;
  stage.start();
  const starts: Record<string, Start> = {};
  const costs: Record<string, Cost> = {};
  const join = (instanceId: string) => stage.member(kind, instanceId, sessionMs);
  const namesOf = (...members: Member[]) => members.map(({ name }) => name);

  const a = join('a');
  await watch.measure(() => {}, namesOf(a));
  starts['the first member'] = startOf(a);
  const b = join('b');
  costs['a second member joins'] = await watch.measure(() => {}, namesOf(a, b));
  starts['the second'] = startOf(b);
  const c = join('c');
  costs['a third member joins'] = await watch.measure(() => {}, namesOf(a, b, c));
  starts['the third'] = startOf(c);
  await after(6_000);
  costs['one of three leaves'] = await watch.measure(() => c.leave(), namesOf(a, b));
  const d = join('d');
  await watch.measure(() => {}, namesOf(a, b, d));
  await after(6_000);
  costs['all connections are cut'] = await watch.measure(place.cut, namesOf(a, b, d), 8_000);
  costs['one of three is killed'] = await watch.measure(() => d.kill(), namesOf(a, b));
  const e = join('e');
  await watch.measure(() => {}, namesOf(a, b, e));
  await after(6_000);
  let again: Member = e;
  // The place of the dead one is taken by its next process: its name is known only then.
  const names = namesOf(a, b);
  costs['one is killed, and started again under its instance id'] = await watch.measure(async () => {
    await e.kill();
    again = join('e');
    names.push(again.name);
  }, names);
  starts['the one started again'] = startOf(again);
  await after(6_000);
  again.child.kill('SIGSTOP');
  await after(sessionMs + 5_000);
  costs['one was frozen for longer than its session'] = await watch.measure(
    () => again.child.kill('SIGCONT'),
    namesOf(a, b, again),
    // What it has read before comes first, and looks as if it were a member.
    10_000,
    40_000,
  );
  const lost = await stage.close();
  await Promise.all([a, b, again].map((member) => member.kill()));
  return { starts, costs, lost };
};

/** Members are replaced one at a time: by the consumer protocol, and back. */
export const measureDeploy = async (place: Place, from: MemberOptions['kind']) => {
  const stage = await openStage(place, kinds['consumer, set to 1 s and 10 s'].settings);
  stage.start();
  const join = (kind: MemberOptions['kind'], instanceId: string) => stage.member(kind, instanceId, 10_000);
  let members = ['a', 'b', 'c'].map((instanceId) => join(from, instanceId));
  const names = () => members.map(({ name }) => name);
  await stage.watch.measure(() => {}, names());
  const steps: { readonly title: string; readonly cost: Cost; readonly type: string }[] = [];
  const replaceAll = async (kind: MemberOptions['kind'], suffix: string) => {
    for (const [index, old] of members.entries()) {
      const list: string[] = [];
      const cost = await stage.watch.measure(
        async () => {
          await old.leave();
          members = members.with(index, join(kind, `${index}${suffix}`));
          list.push(...names());
        },
        list,
        100,
        30_000,
      );
      steps.push({ title: `${index + 1} of 3 replaced by ${kind}`, cost, type: await stage.groupType() });
      console.log(from, JSON.stringify(steps.at(-1)));
    }
  };
  await replaceAll('consumer', 'new');
  await replaceAll(from, 'back');
  const lost = await stage.close();
  await Promise.all(members.map((member) => member.kill()));
  return { steps, lost };
};

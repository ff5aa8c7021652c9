import type { Connection, ConsumerSpec } from '../../transport/index.ts';
import { type ClauseTools, clause, DONE, dataOf, messageOf, receive, send, specOf } from './clause.ts';
import { distinct, expectEqual } from './expect.ts';

/** A consumer of one event name, which is published by its writer. */
interface Reader {
  readonly label: string;
  readonly connection: Connection;
  readonly spec: ConsumerSpec;
  readonly writer: Connection;
}

/** Publishes an event for each reader, and expects that each gets its own and no other. */
const expectNoStrangers = async (tools: ClauseTools, readers: readonly Reader[]): Promise<void> => {
  const seen = tools.collect<string>();
  for (const { label, connection, spec } of readers)
    await receive(connection, spec, async (delivery) => {
      seen.add(`${label} got ${dataOf(delivery)}`);
      return DONE;
    });

  for (const { label, spec, writer } of readers)
    for (const name of spec.names) await send(writer, messageOf(name, label));

  const own = readers.map(({ label }) => `${label} got ${label}`);
  await seen.until('the events of all', (items) => own.every((each) => items.includes(each)));
  await tools.quiet();
  const strangers = distinct(seen.items).filter((item) => !own.includes(item));
  expectEqual('events that came to the wrong consumer', strangers, []);
};

/** The names that a transport takes. A refused name cannot meet another one. */
const acceptedBy = ({ refuseName }: Connection, names: readonly string[]) =>
  names.filter((name) => refuseName?.(name) === undefined);

const eventNames = clause('event names that look like each other do not meet', [], (tools) => {
  const name = tools.unique('order');
  const endings = ['', '.', '.placed', '.placed.eu', '.*', '.#', '.>', '_placed', '-placed', ' placed', '/placed', '%'];
  const looks = [...endings.map((ending) => name + ending), name.toUpperCase(), name.replace('o', 'ö'), `.${name}`];
  const connection = tools.connect('reader');
  const writer = tools.connect('writer');

  const readers = acceptedBy(connection, looks).map((each, index) => {
    const spec = specOf(`reads${index}`, each);
    return { label: `name ${index}`, connection, spec, writer };
  });
  return expectNoStrangers(tools, readers);
});

const identifiers = clause('services and consumers of names that look alike do not meet', [], (tools) => {
  const pairs: readonly (readonly [string, string])[] = [
    ['a', 'b-c'],
    ['a-b', 'c'],
    ['a_b', 'c'],
    ['a', 'b_c'],
    ['b', 'b'],
    ['B', 'b'],
    ['b', 'B'],
  ];
  // `unique` ends a name. These need theirs in front: it is the border between service and consumer that matters.
  const start = tools.unique('s');
  const connections = new Map<string, Connection>();
  const connectionOf = (service: string): Connection => {
    const connection = connections.get(service) ?? tools.connect(service, { service: `${start}-${service}` });
    connections.set(service, connection);
    return connection;
  };
  const writer = tools.connect('writer');

  const readers = pairs.map(([service, consumer], index) => {
    const spec = specOf(consumer, tools.unique(`event${index}`));
    return { label: `${service} ${consumer}`, connection: connectionOf(service), spec, writer };
  });
  return expectNoStrangers(tools, readers);
});

const internals = clause(
  'events that are called like parts of a transport reach their consumers alone',
  [],
  (tools) => {
    const service = tools.unique('mail');
    const parts = ['retry', 'dead', 'events', 'queue', 'send'];
    const looks = [
      ...parts.flatMap((part) => [`${service}.${part}`, `${part}.${service}`, `mapbus.${part}.${service}`]),
      ...parts.map((part) => `mapbus.${part}.${service}.send`),
      `mapbus.retry.1000.${service}.send`,
    ];
    const connection = tools.connect('other');
    const writer = tools.connect('writer');
    const own = specOf('send', tools.unique('order.placed'));

    const others = acceptedBy(connection, looks).map((each, index) => {
      const spec = specOf(`reads${index}`, each);
      return { label: each, connection, spec, writer };
    });
    return expectNoStrangers(tools, [
      { label: 'mail', connection: tools.connect('mail'), spec: own, writer },
      ...others,
    ]);
  },
);

const namespaces = clause('namespaces do not meet', [], (tools) => {
  const spec = specOf('send', tools.unique('order.placed'));
  const all = ['', tools.unique('test'), tools.unique('live')];

  const readers = all.map((namespace) => {
    const [connection, writer] = [tools.connect('mail', { namespace }), tools.connect('writer', { namespace })];
    return { label: `namespace ${namespace}`, connection, spec, writer };
  });
  return expectNoStrangers(tools, readers);
});

/** Names of different things, which must not meet at the broker. */
export const names = [eventNames, identifiers, internals, namespaces];

import { Producer } from '@platformatic/kafka';
import { Connection } from 'rabbitmq-client';
import { expect, it } from 'vitest';
import { scaled } from './scale.ts';
import { createNotes, openBus, publishAll, report, type Site, startWorker, unique, until } from './support.ts';

const event = (name: string, data: string) =>
  `{"specversion":"1.0","id":"${crypto.randomUUID()}","source":"/foreign","type":"${name}","data":${data}}`;

/** What a foreign producer can put between the events of a name. */
const poisons: readonly ((name: string) => { body: Buffer; headers?: Readonly<Record<string, string | null>> })[] = [
  () => ({ body: Buffer.from([0xff, 0x00, 0x7b]) }),
  () => ({ body: Buffer.from('{"hello":1}') }),
  () => ({ body: Buffer.alloc(300_000, 'x') }),
  () => ({ body: Buffer.alloc(0) }),
  (name) => ({ body: Buffer.from(event(name, `${'['.repeat(5_000)}${']'.repeat(5_000)}`)) }),
  (name) => ({ body: Buffer.from(event(name, '{"index":-1}')), headers: { traceparent: null, 'x-null': null } }),
  (name) => ({ body: Buffer.from(event(name, '{"index":-1}')), headers: { 'mapbus-attempt': '-1000000000' } }),
  (name) => ({ body: Buffer.from(event(name, '{"index":-1}')), headers: { 'mapbus-not-before': '99999999999999' } }),
  (name) => ({
    body: Buffer.from('{"index":-1}'),
    headers: { ce_specversion: '1.0', ce_id: '1', ce_source: '/binary', ce_type: name },
  }),
];

/** Puts messages where consumers look for events, as another program does. */
const openForeign = async ({ kind, address }: Site, name: string) => {
  if (kind === 'rabbitmq') {
    const connection = new Connection(address);
    const publisher = connection.createPublisher({ confirm: true });
    const send = (body: Buffer, headers: Readonly<Record<string, string | null>> = {}) =>
      publisher.send({ exchange: 'mapbus.events', routingKey: name, headers }, body);
    const close = async () => {
      await publisher.close();
      await connection.close();
    };
    return { send, close };
  }
  const producer = new Producer<Buffer, Buffer, Buffer, Buffer | null>({
    clientId: 'foreign',
    bootstrapBrokers: address.split(','),
    serializers: { headerValue: (value?: Buffer | null) => value ?? undefined },
  });
  const topic = `mapbus.events.${name.replaceAll('-', '--')}`;
  const send = (body: Buffer, headers: Readonly<Record<string, string | null>> = {}) =>
    producer.send({
      acks: -1,
      messages: [
        {
          topic,
          value: body,
          headers: new Map(
            Object.entries(headers).map(([key, value]) => [
              Buffer.from(key),
              value === null ? null : Buffer.from(value),
            ]),
          ),
        },
      ],
    });
  return { send, close: () => producer.close() };
};

/** What becomes of good events between bad ones. */
export const testPoison = (site: Site): void => {
  const { kind } = site;

  it('between poison of every kind, each good event is handled within two seconds', async () => {
    const name = unique('eaten');
    const service = unique('taster');
    const bus = await openBus(site.url, service);
    const handledAt = new Map<string, number>();
    bus.consume(name, 'eat', (_, { id }) => void handledAt.set(id, Date.now()));
    await bus.ready();
    const foreign = await openForeign(site, name);
    const rounds = Math.max(2, scaled(10));
    const waitedMs: number[] = [];
    for (let round = 0; round < rounds; round++) {
      for (const create of poisons) {
        const { body, headers } = create(name);
        await foreign.send(body, headers);
        const { id, error } = await bus.publish(name, { index: round });
        const publishedAt = Date.now();
        expect(error).toBeUndefined();
        await until('the good event', () => handledAt.has(id), 30_000);
        waitedMs.push((handledAt.get(id) ?? Number.NaN) - publishedAt);
      }
    }
    const letters = new Map<string, number>();
    await until('the dead letters', async () => {
      letters.clear();
      const page = await bus.deadLetters.page({ limit: 1_000 });
      for (const { reason } of page.letters) letters.set(reason, (letters.get(reason) ?? 0) + 1);
      return [...letters.values()].reduce((sum, count) => sum + count, 0) >= rounds * 4;
    });

    report(`${kind}, poison`, {
      good: waitedMs.length,
      slowestMs: Math.max(...waitedMs),
      ...Object.fromEntries(letters),
    });
    expect(Math.max(...waitedMs)).toBeLessThan(2_000);
    expect(letters.get('too_large')).toBe(rounds);
    await foreign.close();
    await bus.close();
  });

  it('an event that kills its process each time becomes a dead letter, and takes no other one along', async () => {
    const name = unique('deadly');
    const service = unique('taster');
    const notes = createNotes();
    const consumers = [{ consumer: 'eat', names: [name], deadly: true, delayMs: 5 }];
    const worker = await startWorker({ url: site.url, service, file: notes.file, consumers });
    const bus = await openBus(site.url, unique('shop'));
    const before = await publishAll(bus, name, 20);
    await bus.publish(name, { index: -1, isDeadly: true });
    const behind = await publishAll(bus, name, 20);
    const good = new Set([...before.confirmed, ...behind.confirmed]);

    let deaths = 0;
    let isOver = false;
    const restarting = (async () => {
      while (!isOver) {
        if ((await worker.died()) === null || isOver) continue;
        deaths++;
        await worker.start().catch(() => {});
      }
    })();
    const operator = await openBus(site.url, service);
    const lettersOf = async () => (await operator.deadLetters.page({ limit: 1_000 })).letters;
    await until('the dead letter', async () => (await lettersOf()).length > 0, 300_000);
    await until('the good events', () => [...good].every((id) => notes.ids().includes(id)), 60_000);
    isOver = true;
    await worker.kill();
    await restarting;

    const letters = await lettersOf();
    report(`${kind}, an event that kills its process`, { good: good.size, deaths, deadLettered: letters.length });
    expect(letters.map(({ reason }) => reason)).toEqual(['delivery_limit']);
    await Promise.all([bus.close(), operator.close()]);
  });
};

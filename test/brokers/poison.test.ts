import { Producer } from '@platformatic/kafka';
import { createEventBus } from 'mapbus';
import { transportFromUrl } from 'mapbus/url';
import { Connection } from 'rabbitmq-client';
import { describe, expect, it } from 'vitest';
import { ensureService } from '../../scripts/services/main.ts';
import { deadLetters } from '../../src/old-seam/seam.ts';
import { unique, until } from '../faults/support.ts';
import { available } from './support.ts';

const cases: readonly (readonly [what: string, body: Buffer, reason: string])[] = [
  ['bytes that are not JSON', Buffer.from([0xff, 0x00, 0x7b]), 'undecodable'],
  ['JSON that is not a CloudEvent', Buffer.from('{"hello":1}'), 'not_cloudevent'],
  ['an event that is too large', Buffer.alloc(300_000, 'x'), 'too_large'],
  [
    'a name that nobody handles',
    Buffer.from('{"specversion":"1.0","id":"1","source":"/x","type":"nobody"}'),
    'no_handler',
  ],
];

/** Puts bytes where a service looks for events, as another program would. */
const sendRaw = {
  rabbitmq: async (url: string, service: string, _: string, body: Buffer) => {
    const connection = new Connection(url);
    const publisher = connection.createPublisher({ confirm: true });
    await publisher.send({ routingKey: `mapbus.${service}` }, body);
    await publisher.close();
    await connection.close();
  },
  kafka: async (url: string, _: string, name: string, body: Buffer) => {
    const producer = new Producer({ clientId: 'raw', bootstrapBrokers: url.split(',') });
    await producer.send({ messages: [{ topic: `mapbus.${name}`, value: body }], acks: -1 });
    await producer.close();
  },
};

describe.each(await available(['rabbitmq', 'kafka']))('poison over %s', async (kind) => {
  const { url } = await ensureService(kind);
  const busUrl = kind === 'kafka' ? `kafka://${url}` : url;

  it.each(cases)(
    '%s is a dead letter, and the next event is handled',
    async (_, body, reason) => {
      const name = unique('eaten');
      const service = unique('taster');
      const transport = await transportFromUrl(`${busUrl}?maxAttempts=2&retryDelayMs=50`, { service });
      const logger = { debug: () => {}, warn: () => {}, error: () => {} };
      const bus = createEventBus<Record<string, unknown>>({ transport, logger });
      const seen: number[] = [];
      bus.subscribe(name, () => void seen.push(Date.now()), { name: 'eat' });
      await bus.ready();

      await sendRaw[kind](url, service, name, body);
      const published = Date.now();
      await bus.publish(name, 'good');
      await until('the good event', () => seen.length > 0);
      const { list, discard } = deadLetters(bus);
      await until('the dead letter', async () => (await list()).length > 0);

      const [letter] = await list();
      expect(letter).toMatchObject({ reason, service });
      expect(Buffer.from(letter?.body ?? []).equals(body)).toBe(true);
      expect((seen[0] ?? Number.NaN) - published).toBeLessThan(1_000);
      expect(await discard(() => true)).toBe(1);
      expect(await list()).toEqual([]);
      await bus.close();
    },
    60_000,
  );
});

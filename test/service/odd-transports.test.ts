import { createServiceBus, type ServiceBusOptions } from 'mapbus/service';
import type { Connection, Deliver, Delivery } from 'mapbus/transport';
import { describe, expect, it } from 'vitest';

interface Events {
  'order.placed': { total: number };
  'order.paid': { total: number };
}

const features = {
  durable: false,
  enlists: false,
  ordersByKey: true,
  ordersAcrossNames: true,
  tails: false,
  keepsDeadLetters: false,
  tellsUnrouted: false,
  countsDeliveries: false,
  keepsAttemptsByKey: true,
  expiresConsumers: false,
  servesOperators: false,
  maxDelayMs: 2 ** 31 - 1,
  maxBytes: undefined,
};

/** A bus over a transport that does nothing, and what it was given to deliver with. */
const createShop = (parts: Partial<Connection> = {}, options: Partial<ServiceBusOptions<Events>> = {}) => {
  const delivers: Deliver[] = [];
  const connection: Connection = {
    features,
    publish: async () => ({}),
    declare: async () => {},
    consume: async (_, deliver) => {
      delivers.push(deliver);
      return { stop: async () => {} };
    },
    health: () => ({ connected: true, since: new Date() }),
    close: async () => {},
    ...parts,
  };
  const bus = createServiceBus<Events>({
    service: 'shop',
    transport: { connect: () => connection },
    sends: 'all',
    logger: { debug: () => {}, warn: () => {}, error: () => {} },
    ...options,
  });
  const deliver = (delivery: Delivery) => delivers[0]?.(delivery);
  return { ...bus, deliver };
};

const createDelivery = (body: unknown, more: Partial<Delivery> = {}): Delivery => ({
  body: body as string,
  headers: {},
  key: undefined,
  attempt: 1,
  deliveries: undefined,
  signal: new AbortController().signal,
  ...more,
});
const placed = JSON.stringify({ specversion: '1.0', id: '1', source: '/x', type: 'order.placed', data: { total: 3 } });

describe('a transport whose publish resolves with nothing', () => {
  const publish = (async () => undefined) as unknown as Connection['publish'];

  it('has taken the event', async () => {
    const shop = createShop({ publish });

    const result = await shop.publish('order.placed', { total: 3 });

    expect(result.error).toBeUndefined();
  });

  it('does not fail the attempt that published', async () => {
    const shop = createShop({ publish });
    shop.consume('order.placed', 'charge', () => shop.publish('order.paid', { total: 3 }));
    await shop.ready();

    expect(await shop.deliver(createDelivery(placed))).toEqual({ is: 'done' });
  });
});

describe('a delivery whose body is neither text nor bytes', () => {
  it.each([null, undefined, 5, {}])('is a dead letter, and the bus comes to rest: %s', async (body) => {
    const shop = createShop();
    shop.consume('order.placed', 'charge', () => {});
    await shop.ready();

    const outcome = await shop.deliver(createDelivery(body));

    expect(outcome).toMatchObject({ is: 'dead', reason: 'undecodable' });
    await shop.idle();
    await shop.close();
  });
});

describe('a delivery in binary mode', () => {
  it('is JSON if its content type says so, in whichever case', async () => {
    const shop = createShop();
    const seen: unknown[] = [];
    shop.consume('order.placed', 'charge', (order) => seen.push(order));
    await shop.ready();
    const attributes = {
      specversion: '1.0',
      id: '1',
      source: '/x',
      type: 'order.placed',
      datacontenttype: 'Application/JSON; charset=utf-8',
    };

    await shop.deliver(createDelivery('{"total":3}', { attributes }));

    expect(seen).toEqual([{ total: 3 }]);
  });
});

describe('a key that cannot be had', () => {
  it('refuses the publish, also if the error is frozen', async () => {
    const frozen = Object.freeze(Object.assign(new Error('[mapbus] no key'), { code: 'closed' }));
    const keys = {
      'order.placed': () => {
        throw frozen;
      },
    };
    const shop = createShop({}, { keys });

    const { error } = await shop.publish('order.placed', { total: 3 });

    expect(error).toMatchObject({ code: 'invalid_options', outcome: 'not-sent', cause: frozen });
  });
});

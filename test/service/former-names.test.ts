import { createServiceBus, memory } from 'mapbus/service';
import { describe, expect, it } from 'vitest';

interface Events {
  'order.placed': { total: number };
}

const createShop = () => createServiceBus<Events>({ service: 'shop', transport: memory(), sends: 'all' });

// Over one queue, each event would go to one of the two.
describe('the former name of a consumer', () => {
  it('cannot be that of another consumer in this process', async () => {
    const shop = createShop();
    shop.consume('order.placed', 'mail', () => {});

    const consume = () => shop.consume('order.placed', 'send-mail', () => {}, { formerly: 'mail' });

    expect(consume).toThrow('consume options.formerly: expected a name that no other consumer has or had, got "mail"');
    await shop.close();
  });

  it('cannot be taken by another consumer in this process', async () => {
    const shop = createShop();
    shop.consume('order.placed', 'send-mail', () => {}, { formerly: 'mail' });

    expect(() => shop.consume('order.placed', 'mail', () => {})).toThrow(
      'consumer name: expected a name that no other consumer has or had, got "mail"',
    );
    await shop.close();
  });

  it('cannot be that of two consumers in this process', async () => {
    const shop = createShop();
    shop.consume('order.placed', 'send-mail', () => {}, { formerly: 'mail' });

    const consume = () => shop.consume('order.placed', 'send-letter', () => {}, { formerly: 'mail' });

    expect(consume).toThrow('consume options.formerly: expected a name that no other consumer has or had, got "mail"');
    await shop.close();
  });

  it('is free again when its consumer has stopped', async () => {
    const shop = createShop();
    shop.consume('order.placed', 'mail', () => {})();
    const seen: number[] = [];

    shop.consume('order.placed', 'send-mail', ({ total }) => seen.push(total), { formerly: 'mail' });
    await shop.ready();
    await shop.publish('order.placed', { total: 3 });
    await shop.idle();

    expect(seen).toEqual([3]);
    await shop.close();
  });
});

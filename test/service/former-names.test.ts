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

  it('is free for a new consumer once no process uses it for the old one', async () => {
    const transport = memory();
    const create = () => createServiceBus<Events>({ service: 'shop', transport, sends: 'all' });
    const renaming = create();
    renaming.consume('order.placed', 'mail', () => {})();
    renaming.consume('order.placed', 'send-mail', () => {}, { formerly: 'mail' });
    await renaming.ready();
    await renaming.close();
    const shop = create();
    const mails: number[] = [];
    const letters: number[] = [];

    shop.consume('order.placed', 'send-mail', ({ total }) => letters.push(total));
    shop.consume('order.placed', 'mail', ({ total }) => mails.push(total));
    await shop.ready();
    await shop.publish('order.placed', { total: 3 });
    await shop.idle();

    expect([letters, mails]).toEqual([[3], [3]]);
    await shop.close();
  });

  it('is that of the old consumer while processes of the old version are there', async () => {
    const transport = memory();
    const create = () => createServiceBus<Events>({ service: 'shop', transport, sends: 'all' });
    const seen: number[] = [];
    const run = async (consumer: string, formerly?: string) => {
      const shop = create();
      shop.consume('order.placed', consumer, ({ total }) => seen.push(total), { formerly });
      await shop.ready();
      return shop;
    };
    const renamed = await run('send-mail', 'mail');
    await renamed.close();
    const rolledBack = [await run('mail'), await run('mail')];

    for (let total = 0; total < 10; total++) await rolledBack[0]?.publish('order.placed', { total });
    for (const shop of rolledBack) await shop.idle();

    expect(seen.toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for (const shop of rolledBack) await shop.close();
  });
});

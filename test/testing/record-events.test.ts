import { createEventBus } from 'mapbus';
import { recordEvents, rehearsal } from 'mapbus/testing';
import { describe, expect, it } from 'vitest';

interface Events {
  'user.registered': { email: string };
  'mail.sent': { to: string };
  cleared: void;
}

describe('recordEvents', () => {
  it('keeps what is published, by name and in order', async () => {
    const { bus, published, all } = recordEvents(createEventBus<Events>());

    await bus.publish('user.registered', { email: 'a@example.com' }, { metadata: { trace_id: 'a' } });
    await bus.publish('cleared');
    await bus.publish('user.registered', { email: 'b@example.com' });

    expect(published('user.registered')).toEqual([{ email: 'a@example.com' }, { email: 'b@example.com' }]);
    expect(published('mail.sent')).toEqual([]);
    expect(all().map(({ name, metadata }) => [name, metadata])).toEqual([
      ['user.registered', { trace_id: 'a' }],
      ['cleared', {}],
      ['user.registered', {}],
    ]);
  });

  it('waits for what handlers publish, also over a transport', async () => {
    const { bus, published, waitForIdle } = recordEvents(
      createEventBus<Events>({ transport: rehearsal({ seed: 1, duplicates: 0 }) }),
    );
    bus.subscribe('user.registered', async function welcome({ email }) {
      await bus.publish('mail.sent', { to: email });
    });
    await bus.ready();

    void bus.publish('user.registered', { email: 'a@example.com' });
    await waitForIdle();

    expect(published('mail.sent')).toEqual([{ to: 'a@example.com' }]);
    await bus.close();
  });
});

describe('rehearsal', () => {
  const play = async (seed: number) => {
    const order: number[] = [];
    const bus = createEventBus<{ e: number }>({ transport: rehearsal({ seed, maxDelayMs: 20 }) });
    bus.subscribe('e', (value) => void order.push(value), { name: 'keep' });
    await bus.ready();
    for (let value = 0; value < 20; value++) void bus.publish('e', value);
    await bus.idle();
    await bus.close();
    return order;
  };

  it('brings some events late, overtaken or twice, and all of them', async () => {
    const order = await play(7);

    expect(new Set(order).size).toBe(20);
    expect(order.length).toBeGreaterThan(20);
    expect(order).not.toEqual(order.toSorted((a, b) => a - b));
  });

  it('brings the same events twice for the same seed', async () => {
    const twice = (order: readonly number[]) => order.filter((value, index) => order.indexOf(value) !== index).sort();

    expect(twice(await play(7))).toEqual(twice(await play(7)));
  });

  it.each([
    ['an unknown option', { retries: 3 }, 'rehearsal options: unknown option retries'],
    ['a service with a slash', { service: 'a/b' }, 'rehearsal options.service: expected up to 100 letters'],
    [
      'a time that is none',
      { publishTimeoutMs: -1 },
      'rehearsal options.publishTimeoutMs: expected positive milliseconds',
    ],
  ])('throws a TypeError for %s', (_, options, message) => {
    expect(() => rehearsal(options as never)).toThrow(TypeError);
    expect(() => rehearsal(options as never)).toThrow(message);
  });
});

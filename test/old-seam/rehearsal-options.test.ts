import { createEventBus } from 'mapbus';
import { describe, expect, it } from 'vitest';
import { rehearsal } from '../../src/old-seam/rehearsal.ts';

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

import { createEventBus } from 'mapbus';
import { recordEvents } from 'mapbus/testing';
import { describe, expect, it } from 'vitest';
import { createHostile } from '../support.ts';

interface Events {
  'user.registered': { email: string };
  'mail.sent': { to: string };
  cleared: void;
}

const silent = { logger: { debug: () => {}, warn: () => {}, error: () => {} } };

describe('recordEvents', () => {
  it('keeps what is published, by name and in order', async () => {
    const { bus, published, all } = recordEvents(createEventBus<Events>());

    await bus.publish('user.registered', { email: 'a@example.com' }, { metadata: { trace_id: 'a' } });
    await bus.publish('cleared');
    await bus.publish('user.registered', { email: 'b@example.com' });

    expect(published('user.registered')).toEqual([{ email: 'a@example.com' }, { email: 'b@example.com' }]);
    expect(published('mail.sent')).toEqual([]);
    expect(all()).toEqual([
      { name: 'user.registered', payload: { email: 'a@example.com' }, metadata: { trace_id: 'a' } },
      { name: 'cleared', payload: undefined, metadata: {} },
      { name: 'user.registered', payload: { email: 'b@example.com' }, metadata: {} },
    ]);
  });

  it('keeps events as a union that narrows by name', async () => {
    const { bus, all } = recordEvents(createEventBus<Events>());
    await bus.publish('mail.sent', { to: 'a@example.com' });

    const recipients = all().flatMap((event) => (event.name === 'mail.sent' ? event.payload.to : []));

    expect(recipients).toEqual(['a@example.com']);
  });

  it('keeps a copy of what is published, whatever happens to it later', async () => {
    const bus = createEventBus<{ e: { list: { at: Date }[]; self?: object; run?: () => void } }>();
    const recording = recordEvents(bus);
    const payload: { list: { at: Date }[]; self?: object; run?: () => void } = { list: [{ at: new Date(0) }] };
    payload.self = payload;
    payload.run = () => {};

    await recording.bus.publish('e', payload);
    payload.list[0]?.at.setFullYear(2000);
    payload.list.push({ at: new Date(1) });

    const [copy] = recording.published('e');
    expect(copy?.list).toEqual([{ at: new Date(0) }]);
    expect(copy?.self).toBe(copy);
    expect(copy?.run).toBe(payload.run);
  });

  it('keeps what cannot be copied by reference', async () => {
    const { bus, published } = recordEvents(createEventBus<{ e: object }>());
    const values = [new Map([['a', 1]]), /a/, Object.create({ inherited: true })];

    for (const value of values) await bus.publish('e', value);

    expect(published('e').map((value, index) => value === values[index])).toEqual([true, true, true]);
  });

  it('keeps a payload that cannot be read by reference', async () => {
    const { bus, published } = recordEvents(createEventBus<{ e: object }>());
    const hostile = createHostile();

    await bus.publish('e', hostile);

    expect(published('e')[0] === hostile).toBe(true);
  });

  it('copies objects without a prototype, and what contains null and undefined', async () => {
    const { bus, published } = recordEvents(createEventBus<{ e: object }>());
    const inner: Record<string, unknown> = Object.assign(Object.create(null), { nothing: null, missing: undefined });

    await bus.publish('e', { inner });
    inner.nothing = 'changed';

    expect(published('e')).toEqual([{ inner: { nothing: null, missing: undefined } }]);
  });

  it('gives copies that can be changed', async () => {
    const { bus, published } = recordEvents(createEventBus<{ e: object }>());

    await bus.publish('e', { a: 1 });

    expect(Object.getOwnPropertyDescriptors(published('e')[0])).toEqual(Object.getOwnPropertyDescriptors({ a: 1 }));
  });

  it('copies a key __proto__, holes and symbols as they are', async () => {
    const { bus, published } = recordEvents(createEventBus<{ e: object }>());
    const key = Symbol('key');
    const payload = { parsed: JSON.parse('{"__proto__":1}'), holes: new Array(3), [key]: 'value' };

    await bus.publish('e', payload);

    const copy = published('e')[0] as typeof payload;
    expect(JSON.stringify(copy.parsed)).toBe('{"__proto__":1}');
    expect(copy.holes).toHaveLength(3);
    expect(copy[key]).toBe('value');
  });

  it('leaves out what was refused', async () => {
    const { bus, all } = recordEvents(createEventBus<Events>(silent));
    await bus.publish('cleared', undefined, { id: '' });
    await bus.close();
    await bus.publish('cleared');

    expect(all()).toEqual([]);
  });

  it('leaves it to the bus to refuse options that throw when read', async () => {
    const { bus, all } = recordEvents(createEventBus<Events>(silent));

    const published = bus.publish('cleared', undefined, createHostile());
    expect(all()).toEqual([{ name: 'cleared', payload: undefined, metadata: {} }]);
    const { error } = await published;

    expect(error?.code).toBe('invalid_options');
    expect(all()).toEqual([]);
  });

  it('keeps the failures of handlers', async () => {
    const { bus, failures, expectNoFailures } = recordEvents(createEventBus<Events>(silent));
    await bus.publish('cleared');
    expect(failures()).toEqual([]);
    expect(() => expectNoFailures()).not.toThrow();
    const error = new Error('SMTP refused');
    bus.subscribe('mail.sent', () => Promise.reject(error), { name: 'send' });
    bus.subscribe(
      'cleared',
      () => {
        throw 'no';
      },
      { name: 'clear' },
    );

    await bus.publish('mail.sent', { to: 'a@example.com' });
    await bus.publish('cleared');

    expect(failures()).toEqual([
      { eventName: 'mail.sent', handlerName: 'send', error },
      { eventName: 'cleared', handlerName: 'clear', error: 'no' },
    ]);
    expect(() => expectNoFailures()).toThrow(
      '[mapbus] Expected that no handler fails, but these failed: send (mail.sent): SMTP refused; clear (cleared): no',
    );
  });
});

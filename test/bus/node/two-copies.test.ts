import { afterEach, expect, it, vi } from 'vitest';

afterEach(() => {
  vi.resetModules();
});

it('two copies of the package work together', async () => {
  const first = await import('mapbus');
  vi.resetModules();
  const second = await import('mapbus');
  expect(second.createEventBus).not.toBe(first.createEventBus);
  const bus = first.createEventBus<{ ping: number }>({ logger: { debug: () => {}, warn: () => {}, error: () => {} } });
  const ids: string[] = [];
  bus.subscribe('ping', (_, { id }) => ids.push(id));
  bus.subscribe('ping', () => Promise.reject(new Error('no')));

  const waiting = second.waitFor(bus, 'ping');
  const events = second.eventsOf(bus, ['ping']);
  second.subscribeEach(bus, { ping: () => {} });
  const result = await second.publishEvent(bus, { name: 'ping', payload: 7 });

  expect(await waiting).toBe(7);
  expect((await events.next()).value?.context.id).toBe(ids[0]);
  expect(() => second.assertHandled(result)).toThrow('no');
  const closing = second.waitFor(bus, 'ping').catch((error: unknown) => error);
  await bus.close();
  expect(second.isEventBusError(await closing, 'closed')).toBe(true);
  expect(second.isEventBusError((await bus.publish('ping', 1)).error, 'closed')).toBe(true);
});

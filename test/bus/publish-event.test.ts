import { type EventOf, publishEvent } from 'mapbus';
import { expect, it } from 'vitest';
import { createLoggedBus, type Events } from '../support.ts';

it('publishEvent publishes an event that is one value, with options', async () => {
  const { bus, subscribe } = createLoggedBus();
  const seen: unknown[] = [];
  subscribe('ping', ({ value }, { id, session }) => seen.push([value, id, session]));
  const event: EventOf<Events> = { name: 'ping', payload: { value: 1 } };
  const session = { query: () => {} };

  const { handlerCount } = await publishEvent(bus, event, { id: 'an-id', session });

  expect(handlerCount).toBe(1);
  expect(seen).toEqual([[1, 'an-id', session]]);
});

it('publishEvent forwards the events of one bus to another', async () => {
  const from = createLoggedBus();
  const to = createLoggedBus();
  const seen: unknown[] = [];
  to.subscribeAll(({ name, payload }, { id, metadata }) => seen.push([name, payload, id, metadata]));
  from.subscribeAll((event, context) => publishEvent(to, event, { id: context.id, from: context }));

  const { id } = await from.publish('cleared', undefined, { metadata: { trace_id: 'a' } });

  expect(seen).toEqual([['cleared', undefined, id, { trace_id: 'a' }]]);
});

it('publishEvent throws a TypeError for what is no bus and what is no event', () => {
  const { bus } = createLoggedBus();
  const event: EventOf<Events> = { name: 'ping', payload: { value: 1 } };

  expect(() => publishEvent({} as never, event as never)).toThrow(
    new TypeError('[mapbus] bus: expected an object with publish, got object'),
  );
  expect(() => publishEvent(bus, 'ping' as never)).toThrow(
    new TypeError('[mapbus] event: expected object, got "ping"'),
  );
});

import type { IncomingMessage, ServerResponse } from 'node:http';
import { createEventBus, type Metadata, type Subscriber } from 'mapbus';
import { createServiceBus, memory } from 'mapbus/service';
import { eventStream } from 'mapbus/sse';
import { expectType } from 'tsd';

interface Shop {
  'order.shipped': { userId: string; at: Date };
  'user.left': void;
  'stock.counted': { counts: Map<string, number> };
}

const bus = createEventBus<Shop>();
declare const request: Request;

const stream = eventStream(bus, {
  events: ['order.shipped', 'user.left'],
  replay: 10,
  heartbeatMs: 1_000,
  highWaterMark: 10,
});
// The question is about what the browser gets.
expectType<Response>(
  stream.respond(request, (event, metadata) => {
    expectType<Metadata>(metadata);
    if (event.name === 'user.left') return true;
    expectType<string>(event.payload.at);
    return event.payload.userId === '1';
  }),
);
expectType<number>(stream.openCount());
expectType<void>(stream.close());
{
  using once = eventStream(bus, { events: ['user.left'] });
  once.openCount();
}

// Also for node:http.
export const answer = (incoming: IncomingMessage, response: ServerResponse): void =>
  stream.respondTo(incoming, response, ({ name }) => name === 'user.left');

// @ts-expect-error: who may see what must be said
stream.respond(request);
// @ts-expect-error: a promise is no answer
stream.respond(request, async () => true);
// @ts-expect-error: no such event
eventStream(bus, { events: ['nope'] });
// @ts-expect-error: JSON cannot carry a Map
eventStream(bus, { events: ['stock.counted'] });
// @ts-expect-error: no events
eventStream(bus, {});
// @ts-expect-error: no such option
eventStream(bus, { events: ['user.left'], keep: 3 });

// A view, and the tail of a service bus.
declare const view: Subscriber<Pick<Shop, 'user.left'>>;
eventStream(view, { events: ['user.left'] });
// @ts-expect-error: not in the view
eventStream(view, { events: ['order.shipped'] });
const service = createServiceBus<Pick<Shop, 'order.shipped'>>({ service: 'shop', transport: memory(), sends: 'all' });
eventStream(service.tail(['order.shipped']), { events: ['order.shipped'] }).respond(request, ({ payload }) => {
  expectType<string>(payload.at);
  return true;
});

/// <reference lib="dom" />
import type { ChildProcess } from 'node:child_process';
import type { MessagePort as NodePort, Worker as NodeWorker } from 'node:worker_threads';
import { createEventBus, type EventBus, type Publisher, type Subscriber, type Unsubscribe } from 'mapbus';
import { type FramePort, type LinkPort, link, offerPort, requestPort } from 'mapbus/link';
import { createServiceBus, memory } from 'mapbus/service';
import { expectType } from 'tsd';

interface Shop {
  'cart.changed': { total: number };
  'user.left': void;
  'order.placed': { id: string; at: Date };
  'stock.counted': { counts: Map<string, number> };
  'note.written': { text: string | undefined };
  'tag.added': { tag?: string };
}

declare const bus: EventBus<Shop>;
declare const channel: BroadcastChannel;
declare const worker: Worker;
declare const port: MessagePort;
declare const shared: SharedWorker;
declare const scope: DedicatedScope;
declare const source: EventSource;
declare const socket: WebSocket;
declare const nodeWorker: NodeWorker;
declare const nodePort: NodePort;
declare const child: ChildProcess;

interface DedicatedScope {
  postMessage(message: unknown, transfer?: ArrayBuffer[]): void;
  addEventListener(type: string, listener: (event: Event & { data: unknown }) => void): void;
  removeEventListener(type: string, listener: (event: Event & { data: unknown }) => void): void;
}

// The objects of the platform are ports. Names of the map are known.
expectType<Unsubscribe>(link(bus, channel, { send: ['cart.changed', 'user.left'], receive: ['user.left'] }));
link(bus, worker, { send: ['order.placed'], receive: ['stock.counted'] });
link(bus, port, { receive: ['order.placed'] });
link(bus, shared.port, { receive: ['order.placed'] });
link(bus, scope, { receive: ['order.placed'], send: ['stock.counted'] });
// In a worker, with the types of a page. In a page it throws.
link(bus, self, { receive: ['order.placed'], send: ['stock.counted'] });
link(bus, nodeWorker, { receive: ['order.placed'], send: ['stock.counted'] });
link(bus, nodePort, { receive: ['order.placed'], send: ['stock.counted'] });
link(bus, socket, { receive: ['cart.changed'], send: ['user.left'] });
link(bus, source, { receive: ['cart.changed', 'user.left', 'tag.added'] });
link(bus, child, { receive: ['cart.changed'], send: ['cart.changed'] });
link(bus, process, { receive: ['cart.changed'], send: ['cart.changed'] });
link(bus, channel, {
  send: ['cart.changed'],
  metadata: true,
  name: 'tabs',
  signal: new AbortController().signal,
  onRefused: (reason, message) => {
    expectType<'not_cloudevent' | 'name' | 'hops'>(reason);
    expectType<unknown>(message);
  },
});

// @ts-expect-error: no such event
link(bus, channel, { send: ['nope'] });
// @ts-expect-error: no such event
link(bus, channel, { receive: ['nope'] });
// @ts-expect-error: no such option
link(bus, channel, { events: ['cart.changed'] });
// @ts-expect-error: not a list
link(bus, channel, { send: 'cart.changed' });
// @ts-expect-error: no port
link(bus, {}, { send: 7 });

// A port that carries text: what arrives must fit the payload.
// @ts-expect-error: the Date arrives as a string
link(bus, source, { receive: ['order.placed'] });
// @ts-expect-error: the Date arrives as a string
link(bus, socket, { receive: ['order.placed'] });
// @ts-expect-error: the Date arrives as a string
link(bus, child, { receive: ['order.placed'] });
// @ts-expect-error: JSON leaves the member out
link(bus, socket, { receive: ['note.written'] });
// @ts-expect-error: JSON cannot carry a Map
link(bus, socket, { receive: ['stock.counted'] });
// @ts-expect-error: JSON cannot carry a Map
link(bus, socket, { send: ['stock.counted'] });
// A Date may leave: what receives it declares a string.
link(bus, socket, { send: ['order.placed', 'note.written'] });
// @ts-expect-error: an EventSource posts nothing
link(bus, source, { send: ['cart.changed'] });
// A port of which only this is known may carry text.
declare const unknownPort: LinkPort;
declare const either: Worker | WebSocket;
// @ts-expect-error: the Date may arrive as a string
link(bus, unknownPort, { receive: ['order.placed'] });
// @ts-expect-error: the Date may arrive as a string
link(bus, either, { receive: ['order.placed'] });
link(bus, either, { receive: ['cart.changed'], send: ['cart.changed'] });

// A narrow view links what it has.
declare const cart: Publisher<Pick<Shop, 'cart.changed'>> & Subscriber<Pick<Shop, 'user.left'>>;
link(cart, channel, { receive: ['cart.changed'], send: ['user.left'] });
// @ts-expect-error: this view does not subscribe to it
link(cart, channel, { send: ['cart.changed'] });
// @ts-expect-error: this view does not publish it
link(cart, channel, { receive: ['user.left'] });
link({ subscribe: bus.subscribe }, channel, { send: ['cart.changed'] });
link({ publish: bus.publish }, channel, { receive: ['cart.changed'] });
// @ts-expect-error: it cannot publish
link({ subscribe: bus.subscribe }, channel, { receive: ['cart.changed'] });
const inSession = createEventBus<Shop, { query: () => void }>();
link(inSession, channel, { receive: ['cart.changed'], send: ['cart.changed'] });

// A tail of a service bus sends what every process publishes.
interface Orders {
  'order.placed': { id: string };
}
const service = createServiceBus<Orders>({ service: 'shop', transport: memory(), sends: 'all' });
link(service.tail(['order.placed']), channel, { send: ['order.placed'] });
link(service, channel, { send: ['order.placed'], receive: ['order.placed'] });

// Frames.
declare const frame: HTMLIFrameElement;
declare const popup: Window | null;
expectType<Unsubscribe>(
  offerPort(frame, 'https://pay.example', (port) =>
    link(bus, port, { send: ['order.placed'], receive: ['user.left'] }),
  ),
);
offerPort({ contentWindow: popup }, 'https://pay.example', (port) => port.close());
expectType<Promise<FramePort>>(requestPort(window.parent, 'https://shop.example'));
requestPort(window.opener as Window, 'https://shop.example', { signal: AbortSignal.timeout(5_000) }).then((port) => {
  link(bus, port, { receive: ['order.placed'] });
  port.postMessage('by hand');
});
// @ts-expect-error: no origin
offerPort(frame, (port) => port.close());
// @ts-expect-error: no origin
requestPort(window.parent);

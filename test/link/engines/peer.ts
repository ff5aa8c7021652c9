// The other end of a link, in a tab, a frame, a worker, a shared worker or a service worker. The address says which.
// Doubles each ping as a pong.
import { createEventBus } from 'mapbus';
import { link, requestPort } from 'mapbus/link';
import type { Events } from './events.ts';

const bus = createEventBus<Events>();
bus.subscribe('ping', ({ value }) => bus.publish('pong', { value: 2 * value }));

const both = { receive: ['ping', 'cloned'], send: ['pong', 'cloned'] } as const;
const scope = globalThis as unknown as EventTarget & { readonly location: Location; readonly parent: Window };
const clients = () => Reflect.get(globalThis, 'clients') as { matchAll(): Promise<readonly Worker[]> };
const query = new URLSearchParams(scope.location.search);

/** What posts to each page that a service worker controls. */
const pages = {
  postMessage: async (message: unknown) => {
    for (const client of await clients().matchAll()) client.postMessage(message);
  },
  addEventListener: scope.addEventListener.bind(scope),
  removeEventListener: scope.removeEventListener.bind(scope),
};

const answerAt: Readonly<Record<string, () => unknown>> = {
  tab: () => {
    for (const name of (query.get('channels') ?? '').split(',')) {
      link(bus, new BroadcastChannel(name), both);
    }
    scope.parent.postMessage('tab is ready', scope.location.origin);
  },
  worker: () => link(bus, self, both),
  shared: () =>
    scope.addEventListener('connect', (event) => {
      const [port] = (event as MessageEvent).ports;
      // A hub: what one page says, the others hear.
      if (port) link(bus, port, { receive: ['ping', 'pong', 'cloned'], send: ['ping', 'pong', 'cloned'] });
    }),
  service: () => {
    scope.addEventListener('activate', (event) =>
      Reflect.apply(Reflect.get(event, 'waitUntil'), event, [
        Reflect.apply(Reflect.get(clients(), 'claim'), clients(), []),
      ]),
    );
    link(bus, pages, both);
  },
  frame: async () => link(bus, await requestPort(scope.parent, query.get('origin') ?? ''), both),
};

void answerAt[query.get('role') ?? '']?.();

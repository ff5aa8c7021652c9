import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createServiceBus, memory } from 'mapbus/service';
import { eventStream } from 'mapbus/sse';
import { buildPage } from './build-page.ts';
import { type Item, type Order, products, type ServerEvents, totalOf } from './events.ts';
import { openOrders } from './orders.ts';
import { runWarehouse } from './warehouse.ts';

export interface ShopOptions {
  /** 0 for any that is free. */
  readonly port: number;
  /** Where the orders are kept. */
  readonly folder: string;
  /** How long the warehouse takes for each step. */
  readonly stepMs: number;
  /** Where the page finds `mapbus`. */
  readonly alias?: Record<string, string>;
}

/** The user of a request: whoever has this cookie. A browser without one gets one. */
const userOf = (request: IncomingMessage, response: ServerResponse): string => {
  const [, known] = /(?:^|; )user=([\w-]{36})(?:;|$)/.exec(request.headers.cookie ?? '') ?? [];
  const userId = known ?? randomUUID();
  if (!known) response.setHeader('set-cookie', `user=${userId}; HttpOnly; SameSite=Strict; Path=/`);
  return userId;
};

const readJson = async (request: IncomingMessage): Promise<unknown> => {
  let text = '';
  for await (const chunk of request) {
    text += chunk;
    if (text.length > 10_000) throw new Error('The body is too large');
  }
  return JSON.parse(text);
};

/** @throws for what is no list of items of the shop */
const readItems = (given: unknown): Item[] => {
  if (!Array.isArray(given) || given.length === 0) throw new Error('The cart is empty');
  return given.map(({ product, count }: Item) => {
    const isKnown = products.some(({ id }) => id === product);
    if (!isKnown || !Number.isInteger(count) || count < 1 || count > 99) throw new Error('No such item');
    return { product, count };
  });
};

const send = (response: ServerResponse, status: number, type: string, body: string): void => {
  response.writeHead(status, { 'content-type': `${type}; charset=utf-8`, 'cache-control': 'no-store' });
  response.end(body);
};

/** Starts the shop: the page, its API, the stream of events, and the warehouse. */
export const startShop = async ({ port, folder, stepMs, alias = {} }: ShopOptions) => {
  const page = await buildPage(alias);
  const orders = openOrders(join(folder, 'orders.jsonl'));
  const bus = createServiceBus<ServerEvents>({ service: 'live-shop', transport: memory(), sends: 'all' });
  runWarehouse(bus, orders, { stepMs });
  // The tail shows what every process publishes. The stream shows it to the browsers.
  const stream = eventStream(bus.tail(['order.changed']), { events: ['order.changed'] });
  await bus.ready();
  // Memory forgets when the process ends, and the file does not.
  for (const order of orders.unfinished()) {
    const name = order.status === 'placed' ? 'order.placed' : 'order.packed';
    void bus.publish(name, order);
  }

  const placeOrder = async (userId: string, items: readonly Item[]): Promise<Order> => {
    const order: Order = { id: randomUUID(), userId, items, total: totalOf(items), status: 'placed' };
    orders.save(order);
    await bus.publish('order.changed', order);
    await bus.publish('order.placed', order);
    return order;
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const userId = userOf(request, response);
    switch (`${request.method} ${request.url}`) {
      case 'GET /':
        send(response, 200, 'text/html', page.html);
        return;
      case 'GET /page.js':
        send(response, 200, 'text/javascript', page.script);
        return;
      case 'GET /page.css':
        send(response, 200, 'text/css', page.style);
        return;
      case 'GET /api/orders':
        send(response, 200, 'application/json', JSON.stringify(orders.ofUser(userId)));
        return;
      case 'POST /api/orders':
        send(
          response,
          201,
          'application/json',
          JSON.stringify(await placeOrder(userId, readItems(await readJson(request)))),
        );
        return;
      case 'GET /api/events':
        // Asked for each event, also when a browser comes back.
        stream.respondTo(request, response, ({ payload }) => payload.userId === userId);
        return;
      default:
        send(response, 404, 'text/plain', 'Not found');
    }
  };
  const server = createServer((request, response) => {
    answer(request, response).catch((error: Error) => send(response, 400, 'text/plain', error.message));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');

  const close = async (): Promise<void> => {
    server.close();
    // The warehouse ends what it has begun, and the streams end with the bus.
    await bus.close();
    server.closeAllConnections();
  };
  return { url: `http://localhost:${(server.address() as AddressInfo).port}/`, close, openStreams: stream.openCount };
};

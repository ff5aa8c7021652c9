import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Transaction } from '@electric-sql/pglite';
import { assertHandled } from 'mapbus';
import { postgres } from 'mapbus/postgres';
import { createServiceBus } from 'mapbus/service';
import { eventStream } from 'mapbus/sse';
import { buildPage } from './build-page.ts';
import { openDatabase } from './database.ts';
import { type Item, type Order, type ServerEvents, totalOf } from './events.ts';
import { readItems, send, userOf } from './requests.ts';
import { runWarehouse } from './warehouse.ts';

export interface ShopOptions {
  /** 0 for any that is free. */
  readonly port: number;
  /** Where the files of the database are. */
  readonly folder: string;
  /** How long the warehouse takes for each step. */
  readonly stepMs: number;
  /** Where the page finds `mapbus`. */
  readonly alias?: Record<string, string>;
}

/** Starts the shop: the page, its API, the stream of events, and the warehouse. */
export const startShop = async ({ port, folder, stepMs, alias = {} }: ShopOptions) => {
  const page = await buildPage(alias);
  const database = await openDatabase(folder);
  const bus = createServiceBus<ServerEvents, Transaction>({
    service: 'live-shop',
    // Another process takes over after five seconds what one that was killed has begun.
    transport: postgres({ database, leaseMs: 5_000 }),
    sends: 'all',
  });
  runWarehouse(bus, database, { stepMs });
  // The tail has the events of every process, after their commit. The stream shows them to the browsers.
  const stream = eventStream(bus.tail(['order.changed']), { events: ['order.changed'] });
  await bus.ready();

  /** The order and its events exist together, or not at all. */
  const placeOrder = (userId: string, items: readonly Item[]): Promise<Order> =>
    database.transaction(async (session) => {
      const order: Order = { id: randomUUID(), userId, items, total: totalOf(items), status: 'placed' };
      await database.insert(session, order);
      assertHandled(await bus.publish('order.placed', order, { session }));
      assertHandled(await bus.publish('order.changed', order, { session }));
      return order;
    });
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const userId = userOf(request, response);
    switch (`${request.method} ${request.url}`) {
      case 'GET /':
        return send(response, 200, 'text/html', page.html);
      case 'GET /page.js':
        return send(response, 200, 'text/javascript', page.script);
      case 'GET /page.css':
        return send(response, 200, 'text/css', page.style);
      case 'GET /api/orders':
        return send(response, 200, 'application/json', JSON.stringify(await database.ordersOf(userId)));
      case 'POST /api/orders': {
        const order = await placeOrder(userId, await readItems(request));
        return send(response, 201, 'application/json', JSON.stringify(order));
      }
      case 'GET /api/events':
        // Asked for each event, also when a browser comes back.
        return stream.respondTo(request, response, ({ payload }) => payload.userId === userId);
      default:
        return send(response, 404, 'text/plain', 'Not found');
    }
  };
  const server = createServer((request, response) => {
    answer(request, response).catch((error: Error) => send(response, 400, 'text/plain', error.message));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');

  const close = async (): Promise<void> => {
    server.close();
    // The warehouse ends the step that it has begun, and the streams end with the bus.
    await bus.close();
    server.closeAllConnections();
    await database.close();
  };
  return { url: `http://localhost:${(server.address() as AddressInfo).port}/`, close, openStreams: stream.openCount };
};

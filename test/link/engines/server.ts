// Serves the pages of the engine tests: at one origin the page, at another one a frame.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { createEventBus } from 'mapbus';
import { link } from 'mapbus/link';
import { type EventStream, eventStream } from 'mapbus/sse';
import { WebSocketServer } from 'ws';
import type { Events } from './events.ts';

const pathOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const bundle = async (file: string): Promise<string> => {
  const alias = { mapbus: pathOf('../../../src/index.ts'), 'mapbus/link': pathOf('../../../src/link/index.ts') };
  const { outputFiles } = await build({
    entryPoints: [pathOf(file)],
    bundle: true,
    write: false,
    alias,
    target: 'es2022',
    // Top-level await needs a module. Shared and service workers are loaded as scripts everywhere.
    format: file === 'page.ts' ? 'esm' : 'iife',
  });
  return outputFiles[0]?.text ?? '';
};

const html = (script: string) => `<!doctype html><meta charset="utf-8"><title>mapbus</title><body>${script}`;

/** A server. What a page reports goes to `report`. */
export const serve = async (report: (results: Record<string, string>) => void) => {
  const bus = createEventBus<Events>();
  bus.subscribe('ping', ({ value }) => bus.publish('pong', { value: 2 * value }));
  const [page, peer] = await Promise.all([bundle('page.ts'), bundle('peer.ts')]);
  const streaming = new Set<Socket>();
  let stream: EventStream<Events, 'ping'> = eventStream(bus, { events: ['ping'] });
  const cut = () => {
    for (const socket of streaming) socket.destroy();
    streaming.clear();
  };
  const bodyOf = async (request: IncomingMessage) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    return body;
  };
  const routes: Readonly<Record<string, (request: IncomingMessage, response: ServerResponse, url: URL) => unknown>> = {
    '/': (_, response) => answer(response, 'text/html', html('<script type="module" src="/page.js"></script>')),
    '/peer': (_, response) => answer(response, 'text/html', html('<script src="/peer.js"></script>')),
    '/page.js': (_, response) => answer(response, 'text/javascript', page),
    '/peer.js': (_, response) => answer(response, 'text/javascript', peer),
    '/events': (request, response) => {
      streaming.add(request.socket);
      stream.respondTo(request, response, () => true);
    },
    '/publish': async (_, response, url) => {
      await bus.publish('ping', { value: Number(url.searchParams.get('value')) });
      answer(response, 'text/plain', '');
    },
    '/cut': (_, response) => {
      cut();
      answer(response, 'text/plain', '');
    },
    '/restart': (_, response) => {
      stream.close();
      stream = eventStream(bus, { events: ['ping'] });
      answer(response, 'text/plain', '');
    },
    '/report': async (request, response) => {
      answer(response, 'text/plain', '');
      report(JSON.parse(await bodyOf(request)));
    },
  };
  const answer = (response: ServerResponse, type: string, body: string) => {
    response.writeHead(200, { 'content-type': type, connection: 'close' });
    response.end(body);
  };
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const route = routes[url.pathname];
    if (route) void route(request, response, url);
    else response.writeHead(404).end();
  });
  const sockets = new WebSocketServer({ server, path: '/socket' });
  sockets.on('connection', (socket) => link(bus, socket, { receive: ['ping'], send: ['pong'] }));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => {
    stream.close();
    sockets.close();
    server.closeAllConnections();
    server.close();
  };
  return { port: (server.address() as AddressInfo).port, close };
};

import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServiceBus, memory } from 'mapbus/service';
import { eventStream } from 'mapbus/sse';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createSeen, createStream, everyone, type Seen, takeIn } from '../support.ts';

type Stream = ReturnType<typeof createStream>['stream'];

/** A server of node:http that answers with the stream. */
const serve = async (stream: Pick<Stream, 'respondTo'>): Promise<number> => {
  const server = createServer((request, response) => stream.respondTo(request, response, everyone));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
};

const open = async (port: number, lastEventId?: string): Promise<{ seen: Seen; response: IncomingMessage }> => {
  const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
  const request = get({ port, host: '127.0.0.1', headers, agent: false });
  request.on('error', () => {});
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const seen = createSeen();
  let rest = '';
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    rest = takeIn(seen, rest, chunk);
  });
  response.on('close', () => {
    seen.isEnded = true;
  });
  response.on('error', () => {});
  return { seen, response };
};

const until = async (what: string, holds: () => boolean) => {
  for (const begun = Date.now(); !holds(); await sleep(2)) {
    if (Date.now() - begun > 10_000) throw new Error(`never: ${what}`);
  }
};

const values = (seen: Seen) => seen.payloads.map((payload) => (payload as { value: number }).value);

describe('respondTo', () => {
  it('streams over node:http, and goes on where a browser was cut off', async () => {
    const { stream, ping } = createStream();
    const port = await serve(stream);
    const first = await open(port);
    await until('connected', () => first.seen.lastEventId !== '');

    await ping(1);
    await until('1', () => first.seen.payloads.length === 1);
    first.response.destroy();
    await until('gone', () => stream.openCount() === 0);
    await ping(2);
    const second = await open(port, first.seen.lastEventId);
    await ping(3);
    await until('3', () => second.seen.payloads.length === 2);

    expect(first.response.headers).toMatchObject({ 'content-type': 'text/event-stream' });
    expect([values(first.seen), values(second.seen), second.seen.gaps]).toEqual([[1], [2, 3], 0]);
  });

  it('ends the connection when the stream closes', async () => {
    const { stream } = createStream();
    const { seen } = await open(await serve(stream));
    await until('connected', () => stream.openCount() === 1);

    stream.close();

    await until('ended', () => seen.isEnded);
  });

  it('sends all of a burst that does not leave at once, although nothing comes after it', async () => {
    const { stream, bus } = createStream();
    const { seen } = await open(await serve(stream));
    await until('connected', () => stream.openCount() === 1);
    const big = { text: 'x'.repeat(50_000) };

    for (let value = 0; value < 100; value++) void bus.publish('ping', { ...big, value });

    await until('all', () => seen.payloads.length === 100);
    expect(values(seen)).toEqual(Array.from({ length: 100 }, (_, value) => value));
  });

  it('keeps no browser that was gone before it was answered', async () => {
    const { stream } = createStream({ heartbeatMs: 5 });
    const answered: Promise<unknown>[] = [];
    const port = await serve({
      respondTo: (request, response, allow) => {
        const late = async () => {
          await once(response as ServerResponse, 'close');
          stream.respondTo(request, response, allow);
        };
        answered.push(late());
      },
    });
    const socket = connect(port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    await until('asked', () => answered.length === 1);
    socket.destroy();
    await Promise.all(answered);

    await until('gone', () => stream.openCount() === 0);
  });

  it('keeps nothing for a browser that does not read, ends it, and serves the others', async () => {
    const { stream, bus } = createStream({ highWaterMark: 200, replay: 200 });
    const port = await serve(stream);
    const socket = connect(port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.pause();
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    const fast = await open(port);
    await until('connected', () => stream.openCount() === 2);
    const big = { value: 0, text: 'x'.repeat(50_000) };
    gc?.();
    const before = process.memoryUsage().rss;

    // 50 MB, of which 10 MB are kept for browsers that come back.
    for (let value = 0; value < 1_000; value++) {
      await bus.publish('ping', { ...big, value });
      await until(`${value}`, () => fast.seen.payloads.length > value);
      fast.seen.text = '';
      fast.seen.payloads[value] = { value };
    }
    await until('the slow one is gone', () => stream.openCount() === 1);

    expect(values(fast.seen)).toEqual(Array.from({ length: 1_000 }, (_, value) => value));
    gc?.();
    expect((process.memoryUsage().rss - before) / 1e6).toBeLessThan(150);
  }, 60_000);
});

describe('an event stream of the tail of a service bus', () => {
  interface Orders {
    'order.shipped': { id: string; at: Date };
  }

  it('shows what another process publishes, as JSON makes it', async () => {
    const transport = memory();
    const api = createServiceBus<Orders>({ service: 'api', transport, sends: 'all' });
    const stock = createServiceBus<Orders>({ service: 'stock', transport, sends: 'all' });
    onTestFinished(async () => {
      await api.close({ drainTimeoutMs: 0 });
      await stock.close({ drainTimeoutMs: 0 });
    });
    const stream = eventStream(api.tail(['order.shipped']), { events: ['order.shipped'] });
    await api.ready();
    const { seen } = await open(
      await serve({
        respondTo: (request, response) =>
          stream.respondTo(request, response, ({ payload }) => payload.at.startsWith('1970')),
      }),
    );
    await until('connected', () => stream.openCount() === 1);

    await stock.publish('order.shipped', { id: '1', at: new Date() });
    await stock.publish('order.shipped', { id: '2', at: new Date(0) });
    await until('shipped', () => seen.payloads.length === 1);

    expect(seen.payloads).toEqual([{ id: '2', at: '1970-01-01T00:00:00.000Z' }]);
  });

  it('ends with the service bus, so that the process ends', async () => {
    const bus = createServiceBus<Orders>({ service: 'api', transport: memory(), sends: 'all' });
    const stream = eventStream(bus.tail(['order.shipped']), { events: ['order.shipped'] });
    const { seen } = await open(await serve(stream as unknown as Pick<Stream, 'respondTo'>));
    await until('connected', () => stream.openCount() === 1);

    await bus.close();

    await until('ended', () => seen.isEnded);
    expect(stream.openCount()).toBe(0);
  });
});

import type { EventContext, Subscribe, SubscribeOptions, Unsubscribe } from '../bus/types.ts';
import { onAbort } from '../shared/abort.ts';
import { check, type KnownOptions, readOptions } from '../shared/check.ts';
import { DISPOSE, toUnsubscribe } from '../shared/dispose.ts';
import { createSafeCall } from '../shared/safe-call.ts';
import { type AnyAllow, type Browser, createBrowser, type Sink } from './browser.ts';
import { createKept } from './kept.ts';
import type { EventStream, EventStreamOptions, NodeRequest, NodeResponse, StreamName, StreamRequest } from './types.ts';

const KNOWN_OPTIONS: KnownOptions = {
  events: 'array',
  replay: 'positive integer',
  heartbeatMs: 'positive milliseconds',
  highWaterMark: 'positive integer',
};

const HEADERS = {
  'content-type': 'text/event-stream',
  // A proxy that compresses or keeps what passes would hold events back.
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

/** Here every name is a string. Only the public types say which payload belongs to it. */
type AnySubscribe = (
  name: string,
  handler: (payload: unknown, context: EventContext) => void,
  options: SubscribeOptions,
) => Unsubscribe;

/** The browsers that are connected. */
const createBrowsers = (heartbeatMs: number) => {
  const open = new Set<Browser>();
  let timer: ReturnType<typeof setInterval> | undefined;

  const remove = (browser: Browser): boolean => {
    const isRemoved = open.delete(browser);
    if (open.size === 0) clearInterval(timer);
    return isRemoved;
  };
  const end = (browser: Browser): void => {
    if (remove(browser)) browser.end();
  };
  /** One whose connection throws is removed, and the others are served. */
  const serve = (browser: Browser, work: () => unknown): void => {
    try {
      if (work() === false) end(browser);
    } catch {
      remove(browser);
    }
  };
  const serveAll = (work: (browser: Browser) => unknown): void => {
    for (const browser of open) serve(browser, () => work(browser));
  };
  const add = (browser: Browser): void => {
    if (open.size === 0) timer = setInterval(() => serveAll(({ beat }) => beat()), heartbeatMs);
    open.add(browser);
  };
  return { add, end, remove, serve, serveAll, count: () => open.size };
};

/**
 * Streams events to browsers, as server-sent events. A `link` to an `EventSource` publishes them there. The stream begins
 * with the call: keep one for the process. It ends when the bus closes.
 * @param bus a bus, or `tail(names)` of a service bus: that shows what every process has published and committed
 * @throws TypeError for a bad argument; an error with the code `closed` once `close` of the bus was called
 * @example
 * const stream = eventStream(bus.tail(['order.shipped']), { events: ['order.shipped'] });
 * app.get('/events', (request) => stream.respond(request, ({ payload }) => payload.userId === userOf(request).id));
 */
export const eventStream = <Events extends object, Name extends StreamName<Events>>(
  bus: { readonly subscribe: Subscribe<Events> },
  options: EventStreamOptions<Name>,
): EventStream<Events, Name> => {
  check('bus', bus, ['subscribe']);
  const given = readOptions('eventStream options', options, KNOWN_OPTIONS);
  const { events, replay = 1_000, heartbeatMs = 15_000, highWaterMark = 1_000 } = given;
  check('eventStream options.events', events, 'array');
  for (const name of events) check('event name', name, 'string');
  const kept = createKept(Math.max(replay, highWaterMark));
  const browsers = createBrowsers(heartbeatMs);
  const { report } = createSafeCall();
  const ends: (() => void)[] = [];
  let isClosed = false;
  const close = toUnsubscribe(() => {
    isClosed = true;
    for (const end of ends.splice(0)) end();
    browsers.serveAll(() => false);
  });

  const take = (payload: unknown, context: EventContext): void => {
    kept.add(payload, context);
    browsers.serveAll(({ pump }) => pump());
  };
  const subscribe = bus.subscribe as AnySubscribe;
  for (const name of new Set<string>(events)) ends.push(subscribe(name, take, { name: 'eventStream', onClose: close }));

  const connect = (allow: AnyAllow, lastEventId: string | null | undefined, sink: Sink): Browser => {
    const browser = createBrowser({ kept, sink, allow, lastEventId, highWaterMark, report });
    browsers.add(browser);
    browsers.serve(browser, () => !isClosed && browser.pump());
    return browser;
  };
  const respond = (request: StreamRequest, allow: AnyAllow): Response => {
    check('allow', allow, 'function');
    const encoder = new TextEncoder();
    let browser: Browser | undefined;
    let stopListening: (() => void) | undefined;
    const leave = (end: (browser: Browser) => unknown) => {
      stopListening?.();
      if (browser) end(browser);
    };
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        browser = connect(allow, request.headers.get('last-event-id'), {
          isReady: () => Number(controller.desiredSize) > 0,
          write: (text) => controller.enqueue(encoder.encode(text)),
          end: () => controller.close(),
        });
      },
      pull: () => browser && browsers.serve(browser, browser.pump),
      cancel: () => leave(browsers.remove),
    });
    if (request.signal) stopListening = onAbort(request.signal, () => leave(browsers.end));
    if (request.signal?.aborted) leave(browsers.end);
    return new Response(body, { headers: HEADERS });
  };
  const respondTo = (request: NodeRequest, response: NodeResponse, allow: AnyAllow): void => {
    check('allow', allow, 'function');
    let isReady = true;
    response.writeHead(200, HEADERS);
    const browser = connect(allow, String(request.headers['last-event-id'] ?? ''), {
      isReady: () => isReady,
      write: (text) => {
        isReady = response.write(text);
      },
      end: () => response.end(),
    });
    response.on('drain', () => {
      isReady = true;
      browsers.serve(browser, browser.pump);
    });
    for (const event of ['close', 'error'] as const) response.on(event, () => browsers.remove(browser));
    // It was gone before, and emits nothing more.
    if (response.destroyed) browsers.remove(browser);
  };
  return { respond, respondTo, openCount: browsers.count, close, [DISPOSE]: close } as unknown as EventStream<
    Events,
    Name
  >;
};

import type { EventContext, Subscribe, SubscribeOptions, Unsubscribe } from '../bus/types.ts';
import { onAbort } from '../shared/abort.ts';
import { check, type KnownOptions, readOptions } from '../shared/check.ts';
import { DISPOSE } from '../shared/dispose.ts';
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
  const { safeCall } = createSafeCall();
  const encoder = new TextEncoder();
  /** Those that are connected, with the timers of their signs of life. */
  const browsers = new Map<Browser, ReturnType<typeof setInterval>>();
  const ends: (() => void)[] = [];
  let isClosed = false;

  const end = (browser: Browser): void => {
    clearInterval(browsers.get(browser));
    if (browsers.delete(browser)) attempt(browser, browser.end);
  };
  /**
   * Writes to a browser. The stream of one that is too slow, or whose connection is broken, ends: it comes back, and goes on
   * where it was. What a connection throws keeps nothing from the others.
   */
  const attempt = (browser: Browser, write: () => unknown): void => {
    try {
      if (write()) return;
    } catch {
      // It has gone.
    }
    end(browser);
  };
  const take = (payload: unknown, context: EventContext): void => {
    kept.add(payload, context);
    for (const browser of browsers.keys()) attempt(browser, browser.pump);
  };
  const close = (): void => {
    isClosed = true;
    for (const unsubscribe of ends.splice(0)) unsubscribe();
    for (const browser of browsers.keys()) end(browser);
  };
  const subscribe = bus.subscribe as AnySubscribe;
  for (const name of new Set<string>(events)) ends.push(subscribe(name, take, { name: 'eventStream', onClose: close }));

  const connect = (allow: AnyAllow, lastEventId: unknown, sink: Sink): Browser => {
    const browser = createBrowser({ kept, sink, allow, lastEventId, highWaterMark, safeCall });
    browsers.set(
      browser,
      setInterval(() => attempt(browser, browser.beat), heartbeatMs),
    );
    attempt(browser, () => !isClosed && browser.pump());
    return browser;
  };
  const respond = ({ headers, signal }: StreamRequest, allow: AnyAllow): Response => {
    check('allow', allow, 'function');
    let browser!: Browser;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        browser = connect(allow, headers.get('last-event-id'), {
          isReady: () => (controller.desiredSize ?? 0) > 0,
          write: (text) => controller.enqueue(encoder.encode(text)),
          end: () => controller.close(),
        });
      },
      pull: () => attempt(browser, browser.pump),
      cancel: () => end(browser),
    });
    if (signal) onAbort(signal, () => end(browser));
    if (signal?.aborted) end(browser);
    return new Response(body, { headers: HEADERS });
  };
  const respondTo = ({ headers }: NodeRequest, response: NodeResponse, allow: AnyAllow): void => {
    check('allow', allow, 'function');
    let isReady = true;
    response.writeHead(200, HEADERS);
    const browser = connect(allow, headers['last-event-id'], {
      isReady: () => isReady,
      write: (text) => {
        isReady = response.write(text);
      },
      end: () => response.end(),
    });
    response.on('drain', () => {
      isReady = true;
      attempt(browser, browser.pump);
    });
    for (const event of ['close', 'error'] as const) response.on(event, () => end(browser));
    // It was gone before, and emits nothing more.
    if (response.destroyed) end(browser);
  };
  const stream: unknown = { respond, respondTo, openCount: () => browsers.size, close, [DISPOSE]: close };
  return stream as EventStream<Events, Name>;
};

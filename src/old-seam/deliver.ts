import type { TransportParts } from '../bus/transport-parts.ts';
import { createActivity } from '../shared/activity.ts';
import { describeError } from '../shared/errors.ts';
import { after } from './after.ts';
import { open } from './envelope.ts';
import * as header from './headers.ts';
import { createLanes } from './lanes.ts';
import type { Settings } from './options.ts';
import type { Delivery, Message } from './port.ts';

const MAX_RETRY_DELAY_MS = 120_000;
const PAUSE_MS = 1_000;

/** An event that has arrived, and which attempt this is. */
interface Arrival {
  readonly delivery: Delivery;
  readonly name: string;
  readonly id: string;
  readonly attempt: number;
}

type Send = (message: Message) => Promise<void>;

/** Exponential, with a quarter of jitter so that what failed together does not come back together. */
const backOff = (retryDelayMs: number, attempt: number) =>
  Math.min(retryDelayMs * 2 ** (attempt - 1), MAX_RETRY_DELAY_MS) * (1 - Math.random() / 4);

/** What becomes of an event that could not be handled: another attempt for that handler alone, or a dead letter. */
const createAfterlife = (send: Send, { service, maxAttempts, retryDelayMs }: Settings) => {
  const bury = (arrival: Arrival, reason: string, error: unknown, handlerName?: string) => {
    const { delivery, name, id, attempt } = arrival;
    const { errorType, errorMessage } = describeError(error);
    const now = new Date().toISOString();
    const headers = {
      [header.FIRST_FAILED_AT]: now,
      ...delivery.headers,
      [header.SERVICE]: service,
      [header.REASON]: reason,
      [header.ATTEMPT]: String(attempt),
      [header.LAST_FAILED_AT]: now,
      [header.ERROR_NAME]: errorType,
      [header.ERROR_MESSAGE]: errorMessage.slice(0, 4_096),
      ...(handlerName !== undefined && { [header.HANDLER]: handlerName }),
    };
    return send({ kind: 'dead', name, id, body: delivery.body, headers });
  };

  const retry = (arrival: Arrival, reason: string, error: unknown, handlerName?: string) => {
    const { delivery, name, id, attempt } = arrival;
    if (attempt >= maxAttempts) return bury(arrival, reason, error, handlerName);
    const headers = {
      [header.FIRST_FAILED_AT]: new Date().toISOString(),
      ...delivery.headers,
      [header.ATTEMPT]: String(attempt + 1),
      ...(handlerName !== undefined && { [header.HANDLER]: handlerName }),
    };
    return send({ kind: 'retry', name, id, body: delivery.body, headers, delayMs: backOff(retryDelayMs, attempt) });
  };

  return { bury, retry };
};

/** What a transport hands its deliveries to. */
export const createDeliver = (
  { handlersOf, prepare, runHandlers, log, observers }: TransportParts,
  send: Send,
  settings: Settings,
) => {
  const { start, end, idle } = createActivity();
  const { bury, retry } = createAfterlife(send, settings);
  const inLane = createLanes();

  const handle = async (arrival: Arrival, opened: Exclude<ReturnType<typeof open>, { reason: string }>) => {
    const { id, occurredAt, metadata, name, payload } = opened;
    const handlerName = arrival.delivery.headers[header.HANDLER];
    const event = prepare(name, { id, occurredAt, metadata });
    const all = handlersOf(name);
    const list =
      handlerName === undefined ? all : all.filter((subscription) => subscription.handlerName === handlerName);
    if (list.length === 0) {
      // Delayed first: in a rolling deploy an old process may get what only a new one handles.
      return retry(arrival, 'no_handler', new Error(`Nobody handles ${name} here`), handlerName);
    }
    const { failures } = await runHandlers(list, payload, event);
    if (failures.length === 0) return;
    await Promise.all(failures.map((failure) => retry(arrival, 'handler_failed', failure.error, failure.handlerName)));
  };

  const receive = (delivery: Delivery): Promise<void> => {
    const { body, headers } = delivery;
    const attempt = Number(headers[header.ATTEMPT] ?? 1) || 1;
    const unknown = { delivery, attempt, name: '', id: '' };
    if (body.byteLength > settings.maxEventBytes) {
      return bury(unknown, 'too_large', new Error(`${body.byteLength} bytes, of ${settings.maxEventBytes} allowed`));
    }
    const opened = open(body);
    if ('reason' in opened) return bury(unknown, opened.reason, new Error(opened.message));
    const arrival = { delivery, attempt, name: opened.name, id: opened.id };
    const isFirst = headers[header.ATTEMPT] === undefined;
    const seen = { name: opened.name, id: opened.id, metadata: opened.metadata ?? {}, attempt };
    const run = () => handle(arrival, opened);
    const observed = () => observers.deliver?.(seen, run) ?? run();
    return isFirst ? inLane(opened.key, observed) : observed();
  };

  // Its retry or dead letter is not safe at the broker: the event must come again, but not in a hot loop.
  const fail = async (error: unknown): Promise<void> => {
    log('error', 'event_delivery_failed', { error });
    await after(PAUSE_MS);
    end();
    throw error;
  };
  const deliver = (delivery: Delivery): Promise<void> => {
    start();
    return receive(delivery).then(end, fail);
  };

  return { deliver, idle };
};

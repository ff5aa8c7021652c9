import type { Publication } from '../bus/publication.ts';
import { invalidOptions } from '../bus/publish.ts';
import type { TransportParts, UntypedBus } from '../bus/transport-parts.ts';
import type {
  BusTransport,
  CloseOptions,
  EventBusError,
  Metadata,
  PublishOptions,
  PublishResult,
  SubscribeOptions,
} from '../bus/types.ts';
import { ASYNC_DISPOSE } from '../shared/dispose.ts';
import { createError, isEventBusError } from '../shared/errors.ts';
import { within } from '../shared/time-limit.ts';
import { deadLettersAccess } from './dead-letters.ts';
import { createDeliver } from './deliver.ts';
import { seal } from './envelope.ts';
import type { Settings } from './options.ts';
import type { Message, Transport, TransportFeatures } from './port.ts';
import { createSend } from './send.ts';
import { createSubscriptions } from './subscriptions.ts';

type Named = (...args: never) => unknown;

const createPublish = (
  { prepare, publishing, log, refuse, settle, observers }: TransportParts,
  transport: Transport,
  send: (message: Message) => Promise<void>,
  settings: Settings,
  isClosed: () => boolean,
) => {
  let warned = false;

  /** @throws an error of the bus */
  const toMessage = (event: Publication, payload: unknown, { session, key }: PublishOptions): Message => {
    const { name, id, error } = event;
    if (error) throw error;
    if (isClosed()) throw createError('closed', 'Cannot publish: the bus is closed');
    const refusal = transport.refuseName?.(name);
    if (refusal) throw createError('invalid_name', `Cannot publish: ${refusal}`);
    if (session !== undefined && !warned) {
      warned = true;
      log('warn', 'event_session_ignored', { eventName: name, eventId: id });
    }
    const body = seal(event, payload, settings.source, key);
    if (body.byteLength <= settings.maxEventBytes) return { kind: 'event', name, id, body, key, headers: {} };
    const size = `${body.byteLength} bytes, and maxEventBytes is ${settings.maxEventBytes}`;
    throw createError('too_large', `Cannot publish: the event has ${size}`);
  };

  const toBusError = (error: unknown): EventBusError => (isEventBusError(error) ? error : invalidOptions(error));

  const publish = async (
    name: string,
    payload: unknown,
    options?: PublishOptions,
    observed?: readonly Metadata[],
  ): Promise<PublishResult> => {
    const event = prepare(name, options, observed);
    try {
      const message = toMessage(event, payload, options ?? {});
      publishing?.(event, 0);
      await send(message);
      return settle(event);
    } catch (cause) {
      const failure = toBusError(cause);
      // What has failed before it was sent says nothing of it.
      return refuse(event, Object.assign(failure, { outcome: failure.outcome ?? 'not-sent' }));
    }
  };
  const { publish: observePublish } = observers;
  return (name: string, payload: unknown, options?: PublishOptions): Promise<PublishResult> => {
    if (!observePublish) return publish(name, payload, options);
    return observePublish({ name, payload, options, handlerCount: 0 }, (added) =>
      publish(name, payload, options, added),
    );
  };
};

/** Every handler has a name of its own, since a retry is for one handler and may reach another process. */
const checkHandler = ({ handlersOf }: TransportParts, name: string | undefined, label: string) => {
  const where = name === undefined ? 'subscribeAll' : `subscribe to ${name}`;
  if (label === '') throw new TypeError(`[mapbus] ${where}: expected a named function or { name }, got neither`);
  if (name !== undefined && handlersOf(name).some(({ handlerName }) => handlerName === label))
    throw new TypeError(`[mapbus] ${where}: expected a name of its own for each handler, got ${label} twice`);
};

const createSubscribe = (parts: TransportParts, transport: Transport, want: (name?: string) => void) => {
  const { local } = parts;
  const refuse = (message: string) => {
    throw new TypeError(`[mapbus] ${message}`);
  };

  const prepare = (name: string | undefined, handler: Named, options: SubscribeOptions) => {
    const refusal = name === undefined ? undefined : transport.refuseName?.(name);
    if (refusal) refuse(`event name: ${refusal}`);
    if (transport.features.redelivers && typeof handler === 'function')
      checkHandler(parts, name, options.name ?? handler.name);
  };
  const subscribe: UntypedBus['subscribe'] = (name, handler, options = {}) => {
    prepare(name, handler, options);
    const unsubscribe = local.subscribe(name, handler, options);
    want(name);
    return unsubscribe;
  };
  const subscribeAll: UntypedBus['subscribeAll'] = (handler, options = {}) => {
    if (!transport.features.receivesAll) refuse('subscribeAll: this transport receives only events that are named');
    prepare(undefined, handler, options);
    const unsubscribe = local.subscribeAll(handler, options);
    want();
    return unsubscribe;
  };
  return { subscribe, subscribeAll };
};

const GRACE_MS = 5_000;

const attach = (parts: TransportParts, transport: Transport, settings: Settings): UntypedBus => {
  const { local, log } = parts;
  const sending = createSend(transport, settings);
  const delivering = createDeliver(parts, sending.send, settings);
  const subscriptions = createSubscriptions(transport, delivering.deliver, log, settings);
  let closing: Promise<void> | undefined;
  const isClosed = () => closing !== undefined;

  const shutDown = async (drained: Promise<void>) => {
    const report = (error: unknown) => log('error', 'event_transport_close_failed', { error });
    subscriptions.stop();
    const stopped = transport.stop().catch(report);
    await drained;
    // Handlers have settled or run out of time; now what follows from them: retries, dead letters, acknowledgements.
    const followUps = Promise.all([stopped, delivering.idle(), sending.idle()]);
    await within<unknown>(GRACE_MS, followUps, () => {});
    await within(GRACE_MS, transport.close().catch(report), () => {});
  };
  const close = (options?: CloseOptions) => {
    const drained = local.close(options);
    closing ??= shutDown(drained);
    return closing;
  };
  const idle = async () => {
    await sending.idle();
    await transport.idle?.();
    await delivering.idle();
    await local.idle();
  };

  return {
    ...local,
    ...deadLettersAccess(transport, sending.send),
    ...createSubscribe(parts, transport, subscriptions.want),
    publish: createPublish(parts, transport, sending.send, settings, isClosed),
    ready: subscriptions.ready,
    idle,
    close,
    [ASYNC_DISPOSE]: () => close(),
  };
};

/**
 * Puts the bus's part around a transport: envelopes, retries, dead letters, time limits, draining.
 * @param connect makes the transport of one bus, when that is created; trouble that no call tells of goes to `report`
 * @param settings what `readOptions` gives
 */
export const defineTransport = (
  connect: (report: (error: unknown) => void) => Transport,
  features: TransportFeatures,
  settings: Settings,
): BusTransport => ({
  features,
  attach: (parts: TransportParts) => {
    const report = (error: unknown) => parts.log('warn', 'event_transport_trouble', { error });
    return attach(parts, connect(report), settings);
  },
});

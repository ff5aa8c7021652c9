import type { EventContext, PublishOptions, PublishResult, SubscribeOptions, Unsubscribe } from '../bus/types.ts';
import { onAbort } from '../shared/abort.ts';
import { ABORT_SIGNAL, check, type KnownOptions, readOptions } from '../shared/check.ts';
import { toCloudEvent } from '../shared/cloud-event.ts';
import { toUnsubscribe } from '../shared/dispose.ts';
import { createSafeCall } from '../shared/safe-call.ts';
import { memoryOf } from './memory.ts';
import { readMessage } from './message.ts';
import { listenTo, postTo } from './port.ts';
import type { LinkedBus, LinkOptions, LinkPort, NameToReceive, NameToSend } from './types.ts';

const KNOWN_OPTIONS: KnownOptions = {
  send: 'array',
  receive: 'array',
  metadata: 'boolean',
  name: 'string that is not empty',
  signal: ABORT_SIGNAL,
  onRefused: 'function',
};

/** Here every name is a string. Only the public types say which payload belongs to it. */
interface UntypedBus {
  readonly subscribe: (
    name: string,
    handler: (payload: unknown, context: EventContext) => void,
    options: SubscribeOptions,
  ) => Unsubscribe;
  readonly publish: (name: string, payload: unknown, options: PublishOptions) => Promise<PublishResult>;
}

/**
 * Forwards events between a bus and another one behind a port: in another tab, worker, frame or process, or on a server.
 * It is best effort: nothing waits, nothing is kept and nothing is sent again. An event comes at most once, by whatever
 * ways, with its `id` and its `occurredAt`. What cannot be posted is a failure of the link, in the result and in the log
 * of the publish. The port stays open when the link ends. The link ends when the bus closes.
 * @returns a function that ends the link
 * @throws TypeError for a bad argument; an error with the code `closed` once `close` of the bus was called
 * @example
 * link(bus, new BroadcastChannel('shop'), { send: ['cart.changed'], receive: ['cart.changed'] });
 * link(bus, new EventSource('/events'), { receive: ['order.shipped'] });
 */
export const link = <Sent extends object, Taken extends object, Port extends LinkPort>(
  bus: LinkedBus<Sent, Taken>,
  port: Port,
  options: LinkOptions<NoInfer<NameToSend<Sent, Port>>, NoInfer<NameToReceive<Taken, Port>>>,
): Unsubscribe => {
  const given = readOptions('link options', options, KNOWN_OPTIONS);
  const { send = [], receive = [], metadata: withMetadata, name = 'link', signal, onRefused } = given;
  const names = new Set<string>(receive);
  for (const one of names) check('event name', one, 'string');
  if (send.length > 0) check('bus', bus, ['subscribe']);
  if (receive.length > 0) check('bus', bus, ['publish']);
  const { subscribe, publish } = bus as unknown as UntypedBus;
  const { own, recall } = memoryOf((publish ?? subscribe) as object);
  const { safeCall } = createSafeCall();
  const ends: (() => void)[] = [];
  const unlink = toUnsubscribe(() => {
    for (const end of ends.splice(0)) end();
  });

  const take = (received: unknown) => {
    // Another listener may have stopped the event `abort`.
    if (signal?.aborted) return;
    const message = readMessage(received, names);
    if (typeof message === 'string') return safeCall('onRefused', () => onRefused?.(message, received));
    const { type, id, source, hops, occurredAt, data } = message;
    if (source === own.source || recall(type, id, { source, hops, port })) return;
    const metadata = withMetadata ? message.metadata : undefined;
    void publish(type, data, { id, occurredAt, metadata }).then(({ error }) => error?.code === 'closed' && unlink());
  };
  if (signal?.aborted) return unlink;
  try {
    if (receive.length > 0) ends.push(listenTo(port, take));
    if (send.length > 0) {
      const post = postTo(port);
      const forward = (payload: unknown, context: EventContext): void => {
        const { source, hops, port: from } = recall(context.name, context.id, own) ?? own;
        // What came from there does not go back there.
        if (from === port) return;
        const event = toCloudEvent(context, source, hops + 1, payload);
        post(withMetadata ? { ...event, metadata: JSON.stringify(context.metadata) } : event);
      };
      for (const one of new Set<string>(send)) ends.push(subscribe(one, forward, { name, signal, onClose: unlink }));
    }
    if (signal) ends.push(onAbort(signal, unlink));
  } catch (error) {
    unlink();
    throw error;
  }
  return unlink;
};

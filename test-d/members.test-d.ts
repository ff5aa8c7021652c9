import { AsyncLocalStorage } from 'node:async_hooks';
import {
  createEventBus,
  type EventContext,
  type FailedEvent,
  type HandlerFailure,
  type Logger,
  type Metadata,
} from 'mapbus';
import { expectType } from 'tsd';

interface AppEvents {
  'order.placed': { total: number };
  'cache.cleared': void;
  flag: boolean;
}

const bus = createEventBus<AppEvents>();

// Options of the bus.
createEventBus<AppEvents>({});
createEventBus<AppEvents>({ logger: console });
createEventBus<AppEvents>({
  logger: undefined,
  onFailure: undefined,
  contextStorage: undefined,
  logPublish: undefined,
});
createEventBus<AppEvents>({ contextStorage: new AsyncLocalStorage() });
createEventBus<AppEvents>({ contextStorage: new AsyncLocalStorage<EventContext>() });
createEventBus<AppEvents>({ logPublish: (name) => name.startsWith('order.') });
createEventBus<AppEvents>({
  onFailure: (event, failure) => {
    expectType<FailedEvent>(event);
    expectType<HandlerFailure>(failure);
  },
});
// @ts-expect-error: no such option
createEventBus<AppEvents>({ log: console });
// @ts-expect-error: no warn
createEventBus<AppEvents>({ logger: { debug: () => {}, error: () => {} } });
// @ts-expect-error: a storage of something else
createEventBus<AppEvents>({ contextStorage: new AsyncLocalStorage<string>() });
expectType<Logger['warn']>((_message: string, _fields: Record<string, unknown>): unknown => undefined);

// Members.
expectType<Metadata>(bus.getMetadata());
expectType<unknown>(bus.getSession());
expectType<number>(bus.handlerCount());
bus.handlerCount('flag');
// @ts-expect-error: unknown name
bus.handlerCount('flags');
// @ts-expect-error: only a service bus waits for its consumers
bus.ready();
expectType<Promise<void>>(bus.idle());
expectType<Promise<void>>(bus.close({ drainTimeoutMs: 1_000 }));
expectType<Promise<void>>(bus[Symbol.asyncDispose]());
// @ts-expect-error: no such option
bus.close({ timeoutMs: 1_000 });
// @ts-expect-error: members are read-only
bus.publish = async () => {};

import {
  createEventBus,
  type EventContext,
  type Metadata,
  type ObservedCall,
  type ObservedDelivery,
  type ObservedPublish,
  type Observer,
  type PublishOptions,
  type PublishResult,
} from 'mapbus';
import { expectType } from 'tsd';

interface AppEvents {
  flag: boolean;
}

// Every function of an observer is optional, and its parameters are inferred.
createEventBus<AppEvents>({ observers: [] });
createEventBus<AppEvents>({ observers: [{}] });
createEventBus<AppEvents>({ observers: undefined });
createEventBus<AppEvents>({
  observers: [
    {
      publish: async (event, run) => {
        expectType<ObservedPublish>(event);
        expectType<string>(event.name);
        expectType<unknown>(event.payload);
        expectType<PublishOptions | undefined>(event.options);
        expectType<number>(event.handlerCount);
        expectType<PublishResult>(await run());
        expectType<PublishResult>(await run({ trace_id: 'a' }));
        // @ts-expect-error: a number
        run({ attempt: 1 });
      },
      handle: (call, run) => {
        expectType<ObservedCall>(call);
        expectType<string>(call.handlerName);
        expectType<unknown>(call.payload);
        expectType<EventContext>(call.context);
        return expectType<unknown>(run());
      },
      deliver: async (arrival, run) => {
        expectType<ObservedDelivery>(arrival);
        expectType<number>(arrival.attempt);
        expectType<Metadata>(arrival.metadata);
        expectType<void>(await run());
      },
      log: (level, message, fields) => {
        expectType<'debug' | 'warn' | 'error'>(level);
        expectType<string>(message);
        expectType<Record<string, unknown>>(fields);
      },
    },
    { publish: undefined, handle: undefined, deliver: undefined, log: undefined },
  ],
});

// An observer declared on its own, or made by a class.
const timing: Observer = {
  handle: ({ handlerName }, run) => {
    const startedAt = performance.now();
    try {
      return run();
    } finally {
      console.log(handlerName, performance.now() - startedAt);
    }
  },
};
createEventBus<AppEvents>({ observers: [timing] });

// @ts-expect-error: not a list
createEventBus<AppEvents>({ observers: timing });
// @ts-expect-error: no such function
createEventBus<AppEvents>({ observers: [{ subscribe: () => {} }] });
// @ts-expect-error: no function
createEventBus<AppEvents>({ observers: [{ publish: true }] });
// @ts-expect-error: wants another payload
createEventBus<AppEvents>({ observers: [{ handle: ({ payload }: { payload: boolean }) => payload }] });
// @ts-expect-error: nothing is written to what it sees
createEventBus<AppEvents>({ observers: [{ handle: (call) => (call.handlerName = '') }] });

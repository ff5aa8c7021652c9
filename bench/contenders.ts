// What is measured. Each contender is loaded only by the process that measures it.
import { versionOf } from './versions.ts';

export interface Payload {
  readonly value: number;
}

export type Handler = (payload: Payload) => unknown;

/** One emitter, reduced to what the cases need. What it cannot do is missing. */
export interface Emitter {
  /** Returns what removes the handler. */
  readonly subscribe: (name: string, handler: Handler) => () => void;
  /** Starts the handlers. */
  readonly publish?: (name: string, payload: Payload) => unknown;
  /** Resolves when the handlers have settled. */
  readonly publishAwaited?: (name: string, payload: Payload) => Promise<unknown>;
}

export interface Contender {
  /** Without the version. */
  readonly key: string;
  /** The package whose version the results show. */
  readonly packageName?: string;
  /** The same on a Node newer than 20, where npm gives another version. */
  readonly newest?: string;
  /** It starts handlers without a wait for them. */
  readonly starts?: boolean;
  /** It can wait until all handlers have settled. */
  readonly waits?: boolean;
  /** When a handler throws, the others run and the publisher gets no error. */
  readonly isolates?: boolean;
  /** It has a name for each event. */
  readonly hasNames?: boolean;
  /** One handler can be removed. */
  readonly removes?: boolean;
  /** Its `subscribe` copies all handlers: 100,000 of them take minutes. */
  readonly copies?: boolean;
  readonly load: () => Promise<() => Emitter>;
}

type EventMap = Record<string, Payload>;

const isNode20 = process.versions.node.startsWith('20.');

/** The bus as it is built, or the build that the process is told to measure. */
export const loadBus = async (): Promise<typeof import('../dist/index.js')> => import(process.env.BENCH_BUS ?? '');

/** What every emitter with `on` and `off` looks like. */
interface OnOff {
  readonly on: (name: string, handler: Handler) => unknown;
  readonly off: (name: string, handler: Handler) => unknown;
  readonly emit: (name: string, payload: Payload) => unknown;
}

const fromOnOff = (emitter: OnOff): Emitter => ({
  subscribe: (name, handler) => {
    emitter.on(name, handler);
    return () => void emitter.off(name, handler);
  },
  publish: (name, payload) => emitter.emit(name, payload),
});

/** Where the bare loop leaves its time, so that reading the clock is not optimised away. */
export const clock = { now: 0 };

export const contenders: readonly Contender[] = [
  {
    key: 'mapbus',
    starts: true,
    waits: true,
    isolates: true,
    hasNames: true,
    removes: true,
    load: async () => {
      const { createEventBus } = await loadBus();
      return () => {
        const { subscribe, publish } = createEventBus<EventMap>();
        return { subscribe, publish, publishAwaited: publish };
      };
    },
  },
  {
    // One list of handlers and no names: what nobody can be faster than.
    key: 'bare loop + Date.now()',
    starts: true,
    removes: true,
    load: async () => () => {
      const handlers: Handler[] = [];
      return {
        subscribe: (_name, handler) => {
          handlers.push(handler);
          return () => void handlers.splice(handlers.indexOf(handler), 1);
        },
        publish: (_name, payload) => {
          clock.now = Date.now();
          for (const handler of handlers) handler(payload);
        },
      };
    },
  },
  {
    // The bus that is written by hand: a map of arrays.
    key: 'allSettled loop',
    waits: true,
    isolates: true,
    hasNames: true,
    removes: true,
    copies: true,
    load: async () => () => {
      const handlers = new Map<string, Handler[]>();
      const handlersOf = (name: string) => handlers.get(name) ?? [];
      return {
        subscribe: (name, handler) => {
          handlers.set(name, [...handlersOf(name), handler]);
          return () => {
            const others = handlersOf(name).filter((other) => other !== handler);
            handlers.set(name, others);
          };
        },
        publishAwaited: (name, payload) =>
          Promise.allSettled(handlersOf(name).map(async (handler) => handler(payload))),
      };
    },
  },
  {
    key: 'mitt',
    packageName: 'mitt',
    starts: true,
    hasNames: true,
    removes: true,
    load: async () => {
      const { default: mitt } = await import('mitt');
      return () => fromOnOff(mitt<EventMap>());
    },
  },
  {
    key: 'nanoevents',
    packageName: 'nanoevents',
    newest: 'nanoevents-newest',
    starts: true,
    hasNames: true,
    removes: true,
    copies: true,
    load: async () => {
      const { createNanoEvents } = (await import(
        isNode20 ? 'nanoevents' : 'nanoevents-newest'
      )) as typeof import('nanoevents-newest');
      return () => {
        const emitter = createNanoEvents();
        return {
          subscribe: (name, handler) => emitter.on(name, handler),
          publish: (name, payload) => emitter.emit(name, payload),
        };
      };
    },
  },
  {
    key: 'eventemitter3',
    packageName: 'eventemitter3',
    starts: true,
    hasNames: true,
    removes: true,
    load: async () => {
      const { default: EventEmitter3 } = await import('eventemitter3');
      return () => fromOnOff(new EventEmitter3());
    },
  },
  {
    key: 'tseep',
    packageName: 'tseep',
    starts: true,
    hasNames: true,
    removes: true,
    copies: true,
    load: async () => {
      const { EventEmitter } = await import('tseep');
      return () => fromOnOff(new EventEmitter() as unknown as OnOff);
    },
  },
  {
    key: 'node:events',
    starts: true,
    hasNames: true,
    removes: true,
    load: async () => {
      const { EventEmitter } = await import('node:events');
      return () => fromOnOff(new EventEmitter().setMaxListeners(0));
    },
  },
  {
    key: 'EventTarget',
    starts: true,
    hasNames: true,
    removes: true,
    copies: true,
    load: async () => () => {
      const target = new EventTarget();
      return {
        subscribe: (name, handler) => {
          const listener = (event: Event) => handler((event as CustomEvent<Payload>).detail);
          target.addEventListener(name, listener);
          return () => target.removeEventListener(name, listener);
        },
        publish: (name, payload) => target.dispatchEvent(new CustomEvent(name, { detail: payload })),
      };
    },
  },
  {
    key: 'rxjs Subject',
    packageName: 'rxjs',
    starts: true,
    hasNames: true,
    removes: true,
    copies: true,
    load: async () => {
      const { Subject } = await import('rxjs');
      return () => {
        const subjects = new Map<string, InstanceType<typeof Subject<Payload>>>();
        return {
          subscribe: (name, handler) => {
            const subject = subjects.get(name) ?? new Subject<Payload>();
            subjects.set(name, subject);
            const subscription = subject.subscribe(handler);
            return () => subscription.unsubscribe();
          },
          publish: (name, payload) => subjects.get(name)?.next(payload),
        };
      };
    },
  },
  {
    key: 'emittery',
    packageName: 'emittery',
    newest: 'emittery-newest',
    waits: true,
    hasNames: true,
    removes: true,
    load: async () => {
      const { default: Emittery } = (await import(
        isNode20 ? 'emittery' : 'emittery-newest'
      )) as typeof import('emittery-newest');
      return () => {
        const emitter = new Emittery<EventMap>();
        return {
          // Version 1 hands over the data, and version 2 an object with it.
          subscribe: (name, handler) =>
            emitter.on(
              name,
              isNode20 ? (handler as never) : ({ data }: { readonly data: Payload }) => handler(data) as void,
            ),
          publishAwaited: (name, payload) => emitter.emit(name, payload),
        };
      };
    },
  },
  {
    key: 'hookable',
    packageName: 'hookable',
    waits: true,
    hasNames: true,
    removes: true,
    copies: true,
    load: async () => {
      const { createHooks } = await import('hookable');
      return () => {
        const hooks = createHooks<Record<string, (payload: Payload) => void>>();
        return {
          subscribe: (name, handler) => hooks.hook(name, handler as never),
          publishAwaited: async (name, payload) => hooks.callHook(name, payload),
        };
      };
    },
  },
  {
    key: '@nestjs/cqrs',
    packageName: '@nestjs/cqrs',
    waits: true,
    isolates: true,
    load: async () => {
      const { EventBus } = await import('@nestjs/cqrs');
      interface NestEvent {
        readonly payload: Payload;
        readonly settled: () => void;
      }
      return () => {
        const unhandled = { publish: () => {} };
        const bus = new EventBus({} as never, {} as never, unhandled as never);
        // Without the injector and its decorators: every event is of one type.
        Object.assign(bus, { eventIdProvider: { getEventId: () => 'event' }, _logger: { error: () => {} } });
        let handlerCount = 0;
        return {
          subscribe: (name, handler) => {
            handlerCount++;
            // The bus has no way to wait for handlers. So each handler says when it has settled.
            const handle = async ({ payload, settled }: NestEvent) => {
              try {
                await handler(payload);
              } finally {
                settled();
              }
            };
            bus.bind({ isDependencyTreeStatic: () => true, instance: { handle } } as never, name);
            return () => bus.onModuleDestroy();
          },
          publishAwaited: (_name, payload) =>
            new Promise<void>((resolve) => {
              let pending = handlerCount;
              bus.publish({ payload, settled: () => --pending === 0 && resolve() });
            }),
        };
      };
    },
  },
  {
    key: 'abxbus',
    packageName: 'abxbus',
    waits: true,
    isolates: true,
    hasNames: true,
    removes: true,
    copies: true,
    load: async () => {
      const { BaseEvent, EventBus } = await import('abxbus');
      const createType = (name: string) => BaseEvent.extend(name, {});
      return () => {
        const bus = new EventBus('bench', {
          max_history_size: 0,
          max_history_drop: true,
          event_handler_concurrency: 'parallel',
          event_handler_detect_file_paths: false,
        });
        const types = new Map<string, ReturnType<typeof createType>>();
        const typeOf = (name: string) => {
          const type = types.get(name) ?? createType(name);
          types.set(name, type);
          return type;
        };
        return {
          subscribe: (name, handler) => {
            const handle = bus.on(typeOf(name), (event) => handler(event as unknown as Payload) as undefined);
            return () => bus.off(name, handle);
          },
          publishAwaited: (name, payload) => bus.emit(typeOf(name)(payload)).wait(),
        };
      };
    },
  },
];

export const contenderOf = (key: string): Contender => {
  const found = contenders.find((contender) => contender.key === key);
  if (!found) throw new Error(`There is no contender ${key}`);
  return found;
};

/** The name in the results of Node 20 or of a newer one. */
export const titleOf = ({ key, packageName, newest }: Contender, onNode20: boolean): string => {
  if (packageName) return `${key} ${versionOf(onNode20 ? packageName : (newest ?? packageName))}`;
  return key === 'mapbus' ? `${key} ${versionOf('.', '..')}` : key;
};

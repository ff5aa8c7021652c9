import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { EventBus as NestEventBus } from '@nestjs/cqrs';
import EventEmitter3 from 'eventemitter3';
import { createHooks } from 'hookable';
import mitt from 'mitt';
import { Subject } from 'rxjs';
import { createEventBus } from '../dist/index.js';
import { versionOf } from './versions.ts';

export type Handler = (payload: { value: number }) => unknown;

/** One emitter, reduced to what the cases need. What it cannot do is missing. */
export interface Emitter {
  /** Returns what removes the handler. */
  readonly subscribe: (name: string, handler: Handler) => () => void;
  /** Starts the handlers. */
  readonly publish?: (name: string, payload: { value: number }) => unknown;
  /** Resolves when the handlers have settled. */
  readonly publishAwaited?: (name: string, payload: { value: number }) => Promise<unknown>;
  /** Whether the others run and the publisher is spared when a handler throws. */
  readonly isolates?: boolean;
}

export interface Contender {
  readonly name: string;
  readonly create: () => Emitter;
}

const require = createRequire(import.meta.url);
const isNode20 = process.versions.node.startsWith('20.');
// On Node 20 what npm gives there, and the newest version on the newest Node.
const emitteryName = isNode20 ? 'emittery' : 'emittery-newest';
const nanoeventsName = isNode20 ? 'nanoevents' : 'nanoevents-newest';
const { default: Emittery } = (await import(emitteryName)) as typeof import('emittery-newest');
const { createNanoEvents } = (await import(nanoeventsName)) as typeof import('nanoevents-newest');
const { EventEmitter: TseepEmitter } = require('tseep') as typeof import('tseep');

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** The hand-written bus: a map of arrays. */
const createArrays = () => {
  const handlers = new Map<string, Handler[]>();
  const handlersOf = (name: string) => handlers.get(name) ?? [];
  const subscribe = (name: string, handler: Handler) => {
    handlers.set(name, [...handlersOf(name), handler]);
    return () =>
      void handlers.set(
        name,
        handlersOf(name).filter((other) => other !== handler),
      );
  };
  return { handlersOf, subscribe };
};

/** Where the bare loop leaves its time, so that reading the clock is not optimised away. */
export const clock = { now: 0 };

export const contenders: readonly Contender[] = [
  {
    name: `mapbus ${version}`,
    create: () => {
      const { subscribe, publish } = createEventBus<Record<string, { value: number }>>();
      return { subscribe, publish, publishAwaited: publish, isolates: true };
    },
  },
  {
    name: 'bare loop + Date.now()',
    create: () => {
      // One list of handlers and no names: what nobody can be faster than.
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
    name: 'allSettled loop',
    create: () => {
      const { handlersOf, subscribe } = createArrays();
      const publishAwaited: Emitter['publishAwaited'] = (name, payload) =>
        Promise.allSettled(handlersOf(name).map(async (handler) => handler(payload)));
      return { subscribe, publishAwaited, isolates: true };
    },
  },
  {
    name: `mitt ${versionOf('mitt')}`,
    create: () => {
      const emitter = mitt<Record<string, { value: number }>>();
      return {
        subscribe: (name, handler) => {
          emitter.on(name, handler);
          return () => emitter.off(name, handler);
        },
        publish: (name, payload) => emitter.emit(name, payload),
      };
    },
  },
  {
    name: `nanoevents ${versionOf(nanoeventsName)}`,
    create: () => {
      const emitter = createNanoEvents();
      return {
        subscribe: (name, handler) => emitter.on(name, handler),
        publish: (name, payload) => emitter.emit(name, payload),
      };
    },
  },
  {
    name: `eventemitter3 ${versionOf('eventemitter3')}`,
    create: () => {
      const emitter = new EventEmitter3();
      return {
        subscribe: (name, handler) => {
          emitter.on(name, handler);
          return () => void emitter.off(name, handler);
        },
        publish: (name, payload) => emitter.emit(name, payload),
      };
    },
  },
  {
    name: `tseep ${versionOf('tseep')}`,
    create: () => {
      const emitter = new TseepEmitter();
      return {
        subscribe: (name, handler) => {
          emitter.on(name, handler as () => void);
          return () => void emitter.off(name, handler as () => void);
        },
        publish: (name, payload) => emitter.emit(name, payload),
      };
    },
  },
  {
    name: 'node:events',
    create: () => {
      const emitter = new EventEmitter().setMaxListeners(0);
      return {
        subscribe: (name, handler) => {
          emitter.on(name, handler);
          return () => void emitter.off(name, handler);
        },
        publish: (name, payload) => emitter.emit(name, payload),
      };
    },
  },
  {
    name: 'EventTarget',
    create: () => {
      const target = new EventTarget();
      return {
        subscribe: (name, handler) => {
          const listener = (event: Event) => handler((event as CustomEvent<{ value: number }>).detail);
          target.addEventListener(name, listener);
          return () => target.removeEventListener(name, listener);
        },
        publish: (name, payload) => target.dispatchEvent(new CustomEvent(name, { detail: payload })),
      };
    },
  },
  {
    name: `rxjs Subject ${versionOf('rxjs')}`,
    create: () => {
      const subjects = new Map<string, Subject<{ value: number }>>();
      return {
        subscribe: (name, handler) => {
          const subject = subjects.get(name) ?? new Subject();
          subjects.set(name, subject);
          const subscription = subject.subscribe(handler);
          return () => subscription.unsubscribe();
        },
        publish: (name, payload) => subjects.get(name)?.next(payload),
      };
    },
  },
  {
    name: `emittery ${versionOf(emitteryName)}`,
    create: () => {
      const emitter = new Emittery<Record<string, { value: number }>>();
      // Version 2 hands over an object with the data, version 1 the data: a handler of one payload does with both.
      return {
        subscribe: (name, handler) => emitter.on(name, handler as never),
        publishAwaited: (name, payload) => emitter.emit(name, payload),
      };
    },
  },
  {
    name: `hookable ${versionOf('hookable')}`,
    create: () => {
      const hooks = createHooks<Record<string, (payload: { value: number }) => void>>();
      return {
        subscribe: (name, handler) => hooks.hook(name, handler as never),
        publishAwaited: async (name, payload) => hooks.callHook(name, payload),
      };
    },
  },
  {
    name: `@nestjs/cqrs ${versionOf('@nestjs/cqrs')}`,
    create: () => {
      interface NestEvent {
        readonly payload: { value: number };
        readonly settled: () => void;
      }
      const unhandled = { publish: () => {} };
      const bus = new NestEventBus({} as never, {} as never, unhandled as never);
      // Without the injector and its decorators: every event is of one type.
      Object.assign(bus, { eventIdProvider: { getEventId: () => 'event' }, _logger: { error: () => {} } });
      let handlerCount = 0;
      return {
        subscribe: (name, handler) => {
          handlerCount++;
          // What a publisher needs to wait, which the bus does not offer: each handler says when it has settled.
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
        isolates: true,
      };
    },
  },
];

/** Loads abxbus, which starts an `AsyncLocalStorage`: on Node 20 that makes every promise of the process dearer. */
export const loadAbxbus = async (): Promise<Contender> => {
  const { BaseEvent, EventBus: AbxEventBus } = await import('abxbus');
  return {
    name: `abxbus ${versionOf('abxbus')}`,
    create: () => {
      const bus = new AbxEventBus('bench', {
        max_history_size: 0,
        max_history_drop: true,
        event_handler_concurrency: 'parallel',
        event_handler_detect_file_paths: false,
      });
      const create = (name: string) => BaseEvent.extend(name, {});
      const types = new Map<string, ReturnType<typeof create>>();
      const typeOf = (name: string) => {
        const type = types.get(name) ?? create(name);
        types.set(name, type);
        return type;
      };
      return {
        subscribe: (name, handler) => {
          const handle = bus.on(typeOf(name), (event) => handler(event as unknown as { value: number }) as undefined);
          return () => bus.off(name, handle);
        },
        publishAwaited: (name, payload) => bus.emit(typeOf(name)(payload)).wait(),
        isolates: true,
      };
    },
  };
};

// What a part of mapbus costs: the same publish with it and without it.
import { uuidv7 } from 'uuidv7';
import type { EventBus, EventBusOptions, Metadata, Observer, PublishOptions } from '../dist/index.js';
import type { Loop } from './cases.ts';
import { loadBus, type Payload } from './contenders.ts';
import { createHandler, sink } from './handlers.ts';

interface Events {
  readonly event: Payload;
}
type Handler = Parameters<EventBus<Events>['subscribe']>[1];

interface Publishing {
  readonly handlers: readonly Handler[];
  readonly options?: EventBusOptions;
  readonly publishOptions?: PublishOptions;
}

const payload = { value: 1 };
const four = () => [0, 1, 2, 3].map((index) => createHandler('sync', index));
const one = () => four().slice(0, 1);
const logger = { debug: () => {}, warn: () => {}, error: () => {} };
const handleObserver: Observer = { handle: (_call, run) => run() };
const publishObserver: Observer = { publish: (_event, run) => run() };
const added: Metadata = { trace_id: 'a' };
const given: PublishOptions = { metadata: { trace_id: 'a', ip_address: '::1' }, session: {} };
const readId: Handler = (_payload, { id }) => {
  sink.value += id.length;
};

const publishing: Record<string, () => Publishing> = {
  'publish, no handlers': () => ({ handlers: [] }),
  'publish, 1 handler': () => ({ handlers: one() }),
  'publish, 1 handler that reads the id': () => ({ handlers: [readId] }),
  'publish with metadata and session, 1 handler': () => ({ handlers: one(), publishOptions: given }),
  'publish, 4 handlers': () => ({ handlers: four() }),
  'publish, 4 handlers, with a logger': () => ({ handlers: four(), options: { logger, logPublish: () => false } }),
  'publish, 4 handlers, with an observer of calls': () => ({
    handlers: four(),
    options: { observers: [handleObserver] },
  }),
  'publish, 4 handlers, with an observer of publishes': () => ({
    handlers: four(),
    options: { observers: [publishObserver] },
  }),
  'publish, 4 handlers, with the option metadata': () => ({
    handlers: four(),
    options: { metadata: () => added },
  }),
};

export type OwnCase = string;
export const UUIDV7: OwnCase = 'uuidv7()';
export const ownCases: readonly OwnCase[] = [...Object.keys(publishing), UUIDV7];

export const prepareOwnCase = async (name: OwnCase): Promise<Loop> => {
  if (name === UUIDV7)
    return (times) => {
      for (let index = 0; index < times; index++) sink.value += uuidv7().length;
    };
  const found = publishing[name];
  if (!found) throw new Error(`There is no case ${name}`);
  const { handlers, options, publishOptions } = found();
  const { createEventBus } = await loadBus();
  const { subscribe, publish } = createEventBus<Events>(options);
  for (const handler of handlers) subscribe('event', handler);
  return (times) => {
    for (let index = 0; index < times; index++) publish('event', payload, publishOptions);
  };
};

import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createServiceBus } from '../service/index.ts';
import type { ServiceBus, ServiceBusOptions } from '../service/types.ts';
import { isObject } from '../shared/check.ts';
import type { Connection, ConsumerSpec } from '../transport/index.ts';
import { explain, usageError } from './failure.ts';

type AnyEvents = Record<string, unknown>;
type AnyBus = ServiceBus<AnyEvents>;

/** What of the options of `createServiceBus` a plan depends on. */
type PlannedOptions = Partial<Pick<ServiceBusOptions<AnyEvents>, 'service' | 'namespace' | 'sends' | 'consumers'>>;

/** A module that says which consumers a service has. */
export interface PlanModule {
  readonly options: PlannedOptions;
  /** Registers the consumers on a bus. */
  readonly register: (bus: AnyBus) => unknown;
}

const EXPECTED = 'expected a default export that is a function (bus) => void and registers consumers';

const isBus = (value: unknown): value is Pick<AnyBus, 'close'> =>
  isObject(value) &&
  typeof Reflect.get(value, 'consume') === 'function' &&
  typeof Reflect.get(value, 'close') === 'function';

/** @throws an error if the module cannot be loaded, or exports something else */
export const loadPlanModule = async (path: string): Promise<PlanModule> => {
  let loaded: Record<string, unknown>;
  try {
    loaded = await import(pathToFileURL(resolve(path)).href);
  } catch (error) {
    throw usageError(`plan: cannot load ${path}: ${explain(error)}`);
  }
  // A CommonJS module has its exports in `default`.
  const inner = isObject(loaded.default) && typeof loaded.default !== 'function' ? loaded.default : {};
  const register: unknown = typeof loaded.default === 'function' ? loaded.default : Reflect.get(inner, 'default');
  const options: unknown = loaded.options ?? Reflect.get(inner, 'options') ?? {};
  const bus = [...Object.values(loaded), ...Object.values(inner)].find(isBus);
  if (bus) {
    await bus.close({ drainTimeoutMs: 0 });
    throw usageError(`plan: ${path} exports a bus, whose consumers have just started: ${EXPECTED}`);
  }
  if (typeof register !== 'function') throw usageError(`plan: ${path}: ${EXPECTED}`);
  if (!isObject(options)) throw usageError(`plan: ${path}: expected the export "options" to be an object`);
  return { options: options as PlannedOptions, register: register as PlanModule['register'] };
};

const silent = { debug: () => {}, warn: () => {}, error: () => {} };

/**
 * What a module registers, as the transport would be told. Nothing is declared and nothing runs: the bus that it is given
 * only takes notes.
 */
export const specsOf = async (
  { options, register }: PlanModule,
  service: string,
  { features, refuseName, refuseConsumer }: Pick<Connection, 'features' | 'refuseName' | 'refuseConsumer'>,
): Promise<readonly ConsumerSpec[]> => {
  let noted: readonly ConsumerSpec[] = [];
  const connection: Connection = {
    features,
    refuseName,
    refuseConsumer,
    publish: async () => ({}),
    declare: async () => {},
    consume: async () => ({ stop: async () => {} }),
    plan: (specs) => {
      noted = specs;
      return [];
    },
    health: () => ({ connected: true, since: new Date() }),
    close: async () => {},
  };
  const bus = createServiceBus<AnyEvents>({
    sends: 'all',
    ...options,
    service,
    transport: { connect: () => connection },
    logger: silent,
    contextStorage: false,
  });
  try {
    await register(bus);
    bus.plan();
  } finally {
    await bus.close({ drainTimeoutMs: 0 });
  }
  return noted;
};

// Programs of the same meaning over the types of several libraries: a map of events, and one handler and one publish
// of each.
import { fileURLToPath } from 'node:url';
// The oldest compiler: its map of the DOM has fewer events.
import ts from 'typescript-5.4';

export const libraries = {
  mapbus: {
    head: `import { createEventBus } from 'mapbus';`,
    create: 'const bus = createEventBus<Events>();',
    subscribe: (name: string, use: string) => `bus.subscribe(${name}, (payload) => void ${use});`,
    publish: (name: string, payload: string) => `void bus.publish(${name}, ${payload});`,
  },
  mitt: {
    head: `import mitt from 'mitt';`,
    create: 'const bus = mitt<Events>();',
    subscribe: (name: string, use: string) => `bus.on(${name}, (payload) => void ${use});`,
    publish: (name: string, payload: string) => `bus.emit(${name}, ${payload});`,
  },
  emittery: {
    head: `import Emittery from 'emittery-newest';`,
    create: 'const bus = new Emittery<Events>();',
    subscribe: (name: string, use: string) => `bus.on(${name}, ({ data: payload }) => void ${use});`,
    publish: (name: string, payload: string) => `void bus.emit(${name}, ${payload});`,
  },
};

export type Library = keyof typeof libraries;

/** A service bus, whose consumers get `Received` payloads. */
const service = {
  head: `import { createServiceBus, memory } from 'mapbus/service';`,
  create: `const bus = createServiceBus<Events>({ service: 'shop', transport: memory(), sends: 'all' });`,
  subscribe: (name: string, use: string) => `bus.consume(${name}, ${name}, (payload) => void ${use});`,
  publish: libraries.mapbus.publish,
};

const quote = (name: string) => JSON.stringify(name);

/** A map of so many events, each with a payload of its own. mitt refuses an interface, so all are given a type alias. */
export const createProgram = (library: Library | 'service', eventCount: number): string => {
  const { head, create, subscribe, publish } = { ...libraries, service }[library];
  const names = Array.from({ length: eventCount }, (_, index) => quote(`entity${index}.changed`));
  return [
    head,
    'type Events = {',
    ...names.map((name, index) => `  ${name}: { id: number; field${index}: string };`),
    '};',
    create,
    ...names.flatMap((name, index) => [
      subscribe(name, 'payload.id.toFixed()'),
      publish(name, `{ id: 1, field${index}: 'x' }`),
    ]),
    'export {};',
    '',
  ].join('\n');
};

/** Maps of others: the name of the file in `test/types/maps`, and what the map is known by. */
export const realMaps = {
  stripe: 'Stripe',
  discord: 'Discord gateway',
  window: '`WindowEventMap`',
  'html-element': '`HTMLElementEventMap`',
  slack: 'Slack',
  octokit: 'Octokit',
  'node-process': 'Node `ProcessEventMap`',
  'aws-lambda': 'AWS Lambda',
  'socket-io': 'Socket.IO',
  'cloud-events': 'CloudEvents',
};

export type RealMap = keyof typeof realMaps;

/** Only the map of Node gets the types of Node. */
export const compilerOptionsFor = (map?: RealMap) => ({
  target: 'es2022',
  lib: ['es2023', 'esnext.disposable', 'dom'],
  types: map === 'node-process' ? ['node-types-newest'] : [],
  typeRoots: [fileURLToPath(new URL('../../node_modules', import.meta.url))],
  module: 'esnext',
  moduleResolution: 'bundler',
  strict: true,
  skipLibCheck: true,
  noEmit: true,
});

/** The names of a real map, as the compiler lists them. */
export const namesOf = (map: RealMap): readonly string[] => {
  const file = fileURLToPath(new URL(`../../test/types/maps/${map}.ts`, import.meta.url));
  const { options } = ts.convertCompilerOptionsFromJson(compilerOptionsFor(map), '');
  const program = ts.createProgram([file], options);
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(file);
  const module = source && checker.getSymbolAtLocation(source);
  const events = module && checker.getExportsOfModule(module).find(({ name }) => name === 'Events');
  if (!events) throw new Error(`${file} exports no Events`);
  return checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(events)).map(({ name }) => name);
};

/** @param maps the folder of the maps, as the program imports it */
export const createRealProgram = (
  library: Library,
  map: RealMap,
  names: readonly string[],
  maps = '../../../test/types/maps',
): string => {
  const { head, create, subscribe, publish } = libraries[library];
  return [
    head,
    `import type { Events } from '${maps}/${map}.js';`,
    create,
    'declare const payloads: Events;',
    ...names.map(quote).flatMap((name) => [subscribe(name, 'payload'), publish(name, `payloads[${name}]`)]),
    'export {};',
    '',
  ].join('\n');
};

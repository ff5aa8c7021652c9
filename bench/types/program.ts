// Programs of the same meaning over the types of several libraries: a map of events, and one handler and one publish
// of each.
export const libraries = {
  mapbus: {
    head: `import { createEventBus } from 'mapbus';`,
    create: 'const bus = createEventBus<Events>();',
    subscribe: (name: string) => `bus.subscribe('${name}', ({ id }) => void id.toFixed());`,
    publish: (name: string, payload: string) => `void bus.publish('${name}', ${payload});`,
  },
  mitt: {
    head: `import mitt from 'mitt';`,
    create: 'const bus = mitt<Events>();',
    subscribe: (name: string) => `bus.on('${name}', ({ id }) => void id.toFixed());`,
    publish: (name: string, payload: string) => `bus.emit('${name}', ${payload});`,
  },
  emittery: {
    head: `import Emittery from 'emittery-newest';`,
    create: 'const bus = new Emittery<Events>();',
    subscribe: (name: string) => `bus.on('${name}', ({ data: { id } }) => void id.toFixed());`,
    publish: (name: string, payload: string) => `void bus.emit('${name}', ${payload});`,
  },
};

export type Library = keyof typeof libraries;

/** mitt refuses an interface, so all are given a type alias. */
export const createProgram = (library: Library, eventCount: number): string => {
  const { head, create, subscribe, publish } = libraries[library];
  const names = Array.from({ length: eventCount }, (_, index) => `entity${index}.changed`);
  return [
    head,
    'type Events = {',
    ...names.map((name, index) => `  '${name}': { id: number; field${index}: string };`),
    '};',
    create,
    ...names.flatMap((name, index) => [subscribe(name), publish(name, `{ id: 1, field${index}: 'x' }`)]),
    'export {};',
    '',
  ].join('\n');
};

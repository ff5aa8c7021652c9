import { readFileSync } from 'node:fs';
import { createServiceBus, memory } from 'mapbus/service';
import { rehearsal } from 'mapbus/testing';
import { expect, it } from 'vitest';

const page = readFileSync(new URL('../../docs/services.md', import.meta.url), 'utf8');

/** The options that a function names when it refuses an unknown one. */
const optionsOf = (call: () => unknown): string[] => {
  try {
    call();
  } catch (error) {
    return String(error).split('expected ')[1]?.split(', ') ?? [];
  }
  return [];
};

it('docs/services.md names every member of a service bus and every option', () => {
  const bus = createServiceBus<{ ping: string }>({ service: 'shop', transport: memory(), sends: 'all' });
  const unknown: object = { unknown: true };
  const inBus = ['logger', 'onFailure', 'logPublish', 'metadata', 'observers'];
  const options = [
    ...optionsOf(() => createServiceBus(Object.assign({ service: 'shop', transport: memory(), sends: [] }, unknown))),
    ...optionsOf(() => bus.consume('ping', 'pong', () => {}, unknown)),
    ...optionsOf(() => rehearsal(unknown)),
    ...optionsOf(() => memory(unknown)),
  ];
  const members = ['consume', 'tail', 'deadLetters', 'health', 'waiting', 'ready', 'idle', 'close'];

  expect(options.length).toBeGreaterThan(25);
  expect(Object.keys(bus)).toEqual(expect.arrayContaining(members));
  const named = (name: string) => ['`', 'bus.', '({ '].some((before) => page.includes(`${before}${name}`));
  const names = [...members, ...options.filter((name) => !inBus.includes(name))];
  expect(names.filter((name) => !named(name))).toEqual([]);
});

import { afterEach, expect, it, vi } from 'vitest';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

it('where a runtime lacks Symbol.dispose, the symbols that compilers use in its place work', async () => {
  vi.spyOn(console, 'error').mockReturnValue();
  const known = Object.getOwnPropertyNames(Symbol).filter(
    (name) => !['dispose', 'asyncDispose', 'prototype', 'length', 'name'].includes(name),
  );
  const original = Symbol;
  const members = Object.fromEntries(known.map((name) => [name, Reflect.get(Symbol, name)]));
  vi.stubGlobal(
    'Symbol',
    Object.assign((description: string) => original(description), members),
  );
  vi.resetModules();
  const { createEventBus, eventsOf } = await import('mapbus');
  const bus = createEventBus<{ ping: number }>();
  const member = (value: object, name: string): (() => unknown) => Reflect.get(value, Symbol.for(`Symbol.${name}`));

  member(
    bus.subscribe('ping', () => {}),
    'dispose',
  )();
  await member(eventsOf(bus, 'ping'), 'asyncDispose')();
  expect(bus.handlerCount()).toBe(0);
  await member(bus, 'asyncDispose')();

  expect((await bus.publish('ping', 1)).error?.code).toBe('closed');
});

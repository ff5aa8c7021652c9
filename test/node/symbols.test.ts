import { afterEach, expect, it, vi } from 'vitest';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

it('where a runtime lacks Symbol.dispose, the symbols that compilers use in its place work', async () => {
  const missing = ['dispose', 'asyncDispose'];
  const get = (target: typeof Symbol, key: keyof typeof Symbol) =>
    missing.includes(String(key)) ? undefined : target[key];
  vi.stubGlobal('Symbol', new Proxy(Symbol, { get: (target, key) => get(target, key as keyof typeof Symbol) }));
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

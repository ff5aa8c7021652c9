import { createEventBus } from 'mapbus';
import { link } from 'mapbus/link';
import { expect, it } from 'vitest';
import type { Events } from '../../support.ts';
import { createTextPort } from '../support.ts';

const heapAfter = (work: () => void): number => {
  for (let round = 0; round < 3; round++) gc?.();
  const before = process.memoryUsage().heapUsed;
  work();
  for (let round = 0; round < 3; round++) gc?.();
  return process.memoryUsage().heapUsed - before;
};

it('10,000 links leave no memory when they have ended', () => {
  const bus = createEventBus<Events>();
  const { port } = createTextPort();
  const { signal } = new AbortController();
  const linkAndUnlink = (count: number) => () => {
    for (let index = 0; index < count; index++) link(bus, port, { send: ['ping'], receive: ['pong'], signal })();
  };
  heapAfter(linkAndUnlink(1_000));

  const grown = heapAfter(linkAndUnlink(10_000));

  expect(bus.handlerCount()).toBe(0);
  // A function for each would be a megabyte.
  expect(grown).toBeLessThan(200_000);
}, 60_000);

it('a bus that is gone leaves no memory of its events', () => {
  const useABus = () => {
    const bus = createEventBus<Events>();
    link(bus, createTextPort().port, { send: ['ping'] });
    for (let value = 0; value < 1_000; value++) void bus.publish('ping', { value });
  };
  heapAfter(() => {
    for (let index = 0; index < 10; index++) useABus();
  });

  const grown = heapAfter(() => {
    for (let index = 0; index < 100; index++) useABus();
  });

  // 100,000 remembered ids would be ten megabytes.
  expect(grown).toBeLessThan(1_000_000);
}, 60_000);

import { isEventBusError } from 'mapbus';
import { describe, expect, it } from 'vitest';
import { createHostile, createLoggedBus } from '../support.ts';

const createClosed = async () => {
  const { publish, close } = createLoggedBus();
  await close();
  return (await publish('cleared')).error;
};

describe('isEventBusError', () => {
  it('knows errors of the bus, by their code if one is given', async () => {
    const error = await createClosed();

    expect(isEventBusError(error)).toBe(true);
    expect(isEventBusError(error, 'closed')).toBe(true);
    expect(isEventBusError(error, 'timeout')).toBe(false);
  });

  it('knows errors of another copy of the package or of another realm', () => {
    expect(isEventBusError({ code: 'some_later_code', message: '[mapbus] Something' })).toBe(true);
  });

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a string', '[mapbus] closed'],
    ['an error of the platform', new Error('no')],
    ['an error of a bad argument', new TypeError('[mapbus] handler: expected function, got 42')],
    ['a code of Node', Object.assign(new Error('no'), { code: 'ECONNREFUSED' })],
    ['a code that is no string', Object.assign(new Error('[mapbus] no'), { code: 23 })],
    ['an object without a message', { code: 'closed' }],
    ['a proxy that throws', createHostile()],
  ])('does not take %s for one', (_, error) => {
    expect(isEventBusError(error)).toBe(false);
  });
});

describe('an error of the bus', () => {
  it('has a name, a code and a message, and nothing else', async () => {
    const error = await createClosed();

    expect(String(error)).toBe('EventBusError: [mapbus] Cannot publish: the bus is closed');
    expect({ ...error }).toEqual({ code: 'closed' });
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toHaveProperty('cause');
  });

  it('has a name that can be changed, as that of any error', async () => {
    const error = await createClosed();

    expect(Object.getOwnPropertyDescriptor(error, 'name')).toEqual({
      value: 'EventBusError',
      enumerable: false,
      configurable: true,
      writable: true,
    });
  });
});

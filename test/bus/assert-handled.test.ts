import { assertHandled } from 'mapbus';
import { describe, expect, it } from 'vitest';
import { createLoggedBus } from '../support.ts';

describe('assertHandled', () => {
  it('accepts a publish that went well', async () => {
    const { publish, subscribe } = createLoggedBus();
    subscribe('ping', () => {});

    expect(assertHandled(await publish('ping', { value: 1 }))).toBeUndefined();
    expect(assertHandled(await publish('cleared'))).toBeUndefined();
  });

  it('throws an error that names the handlers and their reasons, and whose cause is the first one', async () => {
    const { publish, subscribe } = createLoggedBus();
    const first = new Error('first');
    subscribe('ping', () => Promise.reject(first), { name: 'mail' });
    subscribe('ping', () => Promise.reject('second'), { name: 'audit' });

    const result = await publish('ping', { value: 1 });

    expect(() => assertHandled(result)).toThrow(
      expect.objectContaining({
        code: 'handler_failed',
        message: '[mapbus] 2 handlers failed: mail: first; audit: second',
        cause: first,
        errors: [first, 'second'],
      }),
    );
  });

  it('names a single handler and its reason', async () => {
    const { publish, subscribe } = createLoggedBus();
    subscribe('ping', () => Promise.reject(new Error('card declined')), { name: 'charge' });

    const result = await publish('ping', { value: 1 });

    expect(() => assertHandled(result)).toThrow('[mapbus] 1 handler failed: charge: card declined');
  });

  it('throws a TypeError for what is no result', () => {
    expect(() => assertHandled(undefined as never)).toThrow(
      new TypeError('[mapbus] result: expected object, got undefined'),
    );
  });

  it('throws the error of an event that could not be published', async () => {
    const { publish, close } = createLoggedBus();
    await close();

    const result = await publish('ping', { value: 1 });

    expect(result.error?.code).toBe('closed');
    expect(() => assertHandled(result)).toThrow(result.error);
  });
});

describe('assertHandled without an await', () => {
  it('throws a TypeError that names the argument', () => {
    const { publish } = createLoggedBus();

    expect(() => assertHandled(publish('ping', { value: 1 }) as never)).toThrow(
      new TypeError('[mapbus] result.failures: expected array, got undefined'),
    );
  });
});

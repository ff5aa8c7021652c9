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

  it('throws an AggregateError of the failures', async () => {
    const { publish, subscribe } = createLoggedBus();
    const first = new Error('first');
    subscribe('ping', () => Promise.reject(first), { name: 'mail' });
    subscribe('ping', () => Promise.reject('second'), { name: 'audit' });

    const result = await publish('ping', { value: 1 });

    expect(() => assertHandled(result)).toThrow(
      expect.objectContaining({
        name: 'AggregateError',
        message: '[mapbus] 2 failed: mail, audit',
        errors: [first, 'second'],
      }),
    );
  });

  it('throws for an event that could not be published', async () => {
    const { publish, close } = createLoggedBus();
    await close();

    const result = await publish('ping', { value: 1 });

    expect(() => assertHandled(result)).toThrow(
      expect.objectContaining({ name: 'AggregateError', message: result.error?.message, errors: [result.error] }),
    );
  });
});

import { createServiceBus, memory } from 'mapbus/service';
import { recordEvents } from 'mapbus/testing';
import { describe, expect, it, vi } from 'vitest';

interface Events {
  'user.registered': { email: string };
  'mail.sent': { to: string };
  cleared: void;
}

const silent = { logger: { debug: () => {}, warn: () => {}, error: () => {} } };

describe('recordEvents of a service bus', () => {
  it('waits for what handlers publish, also over a transport', async () => {
    const service = createServiceBus<Events>({ service: 'mail', transport: memory(), sends: 'all' });
    const { bus, published, waitForIdle } = recordEvents(service);
    service.consume('user.registered', 'welcome', async ({ email }) => {
      await bus.publish('mail.sent', { to: email });
    });
    await bus.ready();

    void bus.publish('user.registered', { email: 'a@example.com' });
    await waitForIdle();

    expect(published('mail.sent')).toEqual([{ to: 'a@example.com' }]);
    await bus.close();
  });

  const createRecording = () =>
    recordEvents(
      createServiceBus<Events>({
        service: 'mail',
        transport: memory(),
        sends: 'all',
        consumers: { retryDelayMs: 1, maxAttempts: 2 },
        ...silent,
      }),
    );

  it('tells of attempts that fail by their time or by a publish', async () => {
    const { bus, failures, expectNoFailures, waitForIdle } = createRecording();
    bus.consume('user.registered', 'hangs', () => new Promise(() => {}), { timeoutMs: 5, maxAttempts: 1 });
    bus.consume('cleared', 'publishes', () => void bus.publish('mail.sent', { to: 1n as never }), { maxAttempts: 1 });
    await bus.ready();

    await bus.publish('user.registered', { email: 'a@example.com' });
    await bus.publish('cleared');
    await waitForIdle();

    expect(failures()).toMatchObject([
      { eventName: 'cleared', handlerName: 'publishes', error: { code: 'not_serializable' } },
      { eventName: 'user.registered', handlerName: 'hangs', error: { code: 'timeout' } },
    ]);
    expect(expectNoFailures).toThrow('hangs (user.registered)');
    await bus.close();
  });

  it('keeps what consumers got, attempt by attempt', async () => {
    const { bus, consumed, waitForIdle } = createRecording();
    bus.consume('user.registered', 'welcome', async () => {});
    bus.consume(['mail.sent', 'cleared'], 'audit', () => {});
    await bus.ready();

    const { id } = await bus.publish('user.registered', { email: 'a@example.com' });
    await bus.publish('mail.sent', { to: 'a@example.com' });
    await waitForIdle();

    const welcome = {
      consumer: 'welcome',
      eventName: 'user.registered',
      payload: { email: 'a@example.com' },
      id,
      attempt: 1,
    };
    expect(consumed('welcome')).toEqual([welcome]);
    expect(
      consumed()
        .map(({ consumer }) => consumer)
        .sort(),
    ).toEqual(['audit', 'welcome']);
    await bus.close();
  });

  it('keeps failed attempts and dead letters', async () => {
    const { bus, consumed, failures, expectNoFailures, deadLettered } = createRecording();
    bus.consume('cleared', 'sync', () => {
      throw new Error('no');
    });
    bus.consume('cleared', 'async', () => Promise.reject(new Error('neither')));
    await bus.ready();

    await bus.publish('cleared');
    await vi.waitFor(async () => expect(await deadLettered()).toHaveLength(2));

    expect(consumed()).toHaveLength(4);
    expect(failures()).toHaveLength(4);
    expect(() => expectNoFailures()).toThrow('sync (cleared): no');
    expect((await deadLettered()).map(({ consumer }) => consumer).sort()).toEqual(['async', 'sync']);
    await bus.close();
  });

  it('takes a wrapped bus that cannot tell of failed attempts', async () => {
    const service = createServiceBus<Events>({ service: 'mail', transport: memory(), sends: 'all', ...silent });
    const wrapped = Object.fromEntries(Object.entries(service)) as unknown as typeof service;
    const { bus, consumed, failures, waitForIdle } = recordEvents(wrapped);
    const failing = () => {
      throw new Error('no');
    };
    bus.consume('cleared', 'fails', failing, { maxAttempts: 1 });
    await bus.ready();

    await bus.publish('cleared');
    await waitForIdle();

    expect([consumed().length, failures()]).toEqual([1, []]);
    await bus.close();
  });

  it('leaves it to the bus to refuse a handler that is none', async () => {
    const { bus } = createRecording();

    expect(() => bus.consume('cleared', 'none', 7 as never)).toThrow('[mapbus] handler: expected function, got 7');
    await bus.close();
  });
});

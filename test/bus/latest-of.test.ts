import { latestOf, type Subscriber } from 'mapbus';
import { describe, expect, it, vi } from 'vitest';
import { createLoggedBus, type Events } from '../support.ts';

describe('latestOf', () => {
  it('holds the payload of the last event', async () => {
    const { bus, publish } = createLoggedBus();
    const latest = latestOf(bus, 'ping');
    expect(latest.get()).toBeUndefined();

    await publish('ping', { value: 1 });
    await publish('ping', { value: 2 });

    expect(latest.get()).toEqual({ value: 2 });
  });

  it('has the initial value before the first event, and keeps it beside the last', async () => {
    const { bus, publish } = createLoggedBus();
    const latest = latestOf(bus, 'ping', { value: 0 });
    expect(latest.get()).toEqual({ value: 0 });

    await publish('ping', { value: 1 });

    expect([latest.get(), latest.getInitial()]).toEqual([{ value: 1 }, { value: 0 }]);
  });

  it('calls a listener at once, and then with each value', async () => {
    const { bus, publish } = createLoggedBus();
    const latest = latestOf(bus, 'ping', { value: 0 });
    const seen: number[] = [];

    latest.subscribe(({ value }) => seen.push(value));
    expect(seen).toEqual([0]);
    void publish('ping', { value: 1 });
    void publish('ping', { value: 1 });

    expect(seen).toEqual([0, 1, 1]);
  });

  it('takes undefined for a value like any other', async () => {
    const { bus, publish } = createLoggedBus();
    const latest = latestOf(bus, 'cleared', 'never');
    const changed = vi.fn();
    latest.subscribe(changed);

    await publish('cleared');

    expect(changed.mock.calls).toEqual([['never'], [undefined]]);
  });

  it('calls a listener no more once it has ended, also twice', async () => {
    const { bus, publish } = createLoggedBus();
    const latest = latestOf(bus, 'ping');
    const changed = vi.fn();
    const end = latest.subscribe(changed);

    end();
    end();
    await publish('ping', { value: 1 });

    expect(changed).toHaveBeenCalledExactlyOnceWith(undefined);
  });

  it('calls a listener twice that has subscribed twice, and ends each by itself', async () => {
    const { bus, publish } = createLoggedBus();
    const latest = latestOf(bus, 'ping');
    const changed = vi.fn();
    const end = latest.subscribe(changed);
    latest.subscribe(changed);
    changed.mockClear();

    await publish('ping', { value: 1 });
    expect(changed).toHaveBeenCalledTimes(2);
    end();
    await publish('ping', { value: 2 });

    expect(changed).toHaveBeenCalledTimes(3);
  });

  it('does not call a listener that an earlier one has ended', async () => {
    const { bus, publish } = createLoggedBus();
    const latest = latestOf(bus, 'ping');
    const later = vi.fn();
    latest.subscribe((ping) => ping && end());
    const end = latest.subscribe(later);

    await publish('ping', { value: 1 });

    expect(later).toHaveBeenCalledExactlyOnceWith(undefined);
  });

  it('calls a listener once that an earlier one has added', async () => {
    const { bus, publish } = createLoggedBus();
    const latest = latestOf(bus, 'ping');
    const added = vi.fn();
    latest.subscribe((ping) => ping && latest.subscribe(added));

    await publish('ping', { value: 1 });

    expect(added).toHaveBeenCalledExactlyOnceWith({ value: 1 });
  });

  it('shows every listener the newest value last, also when a listener publishes', async () => {
    const { bus, publish } = createLoggedBus();
    const latest = latestOf(bus, 'ping', { value: 0 });
    const seen: number[] = [];
    latest.subscribe(({ value }) => value === 1 && void publish('ping', { value: 2 }));
    latest.subscribe(({ value }) => seen.push(value));

    await publish('ping', { value: 1 });

    expect(seen).toEqual([0, 2, 2]);
  });

  it('has the new value in handlers that were registered after it', async () => {
    const { bus, publish, subscribe } = createLoggedBus();
    const latest = latestOf(bus, 'ping', { value: 0 });
    const seen: number[] = [];
    subscribe('ping', () => seen.push(latest.get().value));

    await publish('ping', { value: 1 });

    expect(seen).toEqual([1]);
  });

  it('calls the other listeners when one throws, which is a failure of the publish', async () => {
    const { bus, publish, logged } = createLoggedBus();
    const latest = latestOf(bus, 'ping', { value: 0 });
    const error = new Error('no');
    const seen: number[] = [];
    latest.subscribe(({ value }) => {
      if (value > 0) throw error;
    });
    latest.subscribe(({ value }) => seen.push(value));

    const { failures } = await publish('ping', { value: 1 });

    expect(failures).toEqual([{ handlerName: 'latestOf', error }]);
    expect(logged('event_handler_failed')).toHaveLength(1);
    expect(seen).toEqual([0, 1]);
  });

  it('reports every error when several listeners throw', async () => {
    const { bus, publish } = createLoggedBus();
    const latest = latestOf(bus, 'ping', { value: 0 });
    const errors = [new Error('one'), new Error('two')];
    for (const error of errors) {
      latest.subscribe(({ value }) => {
        if (value > 0) throw error;
      });
    }

    const { failures } = await publish('ping', { value: 1 });

    expect(failures).toMatchObject([{ error: { name: 'AggregateError', errors } }]);
  });

  it('throws what the first call of a listener throws, and forgets the listener', async () => {
    const { bus, publish } = createLoggedBus();
    const latest = latestOf(bus, 'ping');
    const error = new Error('no');

    expect(() =>
      latest.subscribe(() => {
        throw error;
      }),
    ).toThrow(error);

    expect((await publish('ping', { value: 1 })).failures).toEqual([]);
  });

  it('leaves the bus when it is disposed, keeps its value and calls nobody', async () => {
    const { bus, publish, handlerCount } = createLoggedBus();
    const latest = latestOf(bus, 'ping', { value: 0 });
    const changed = vi.fn();
    latest.subscribe(changed);
    await publish('ping', { value: 1 });

    latest.dispose();
    await publish('ping', { value: 2 });

    expect(handlerCount()).toBe(0);
    expect(latest.get()).toEqual({ value: 1 });
    expect(changed).toHaveBeenCalledTimes(2);
  });

  it('leaves the bus at the end of a block that is using it', () => {
    const { bus, handlerCount } = createLoggedBus();
    {
      using latest = latestOf(bus, 'ping');
      expect([latest.get(), handlerCount()]).toEqual([undefined, 1]);
    }

    expect(handlerCount()).toBe(0);
  });

  it('keeps its value when the bus closes', async () => {
    const { bus, publish, close } = createLoggedBus();
    const latest = latestOf(bus, 'ping', { value: 0 });
    await publish('ping', { value: 1 });

    await close();

    expect(latest.get()).toEqual({ value: 1 });
    expect(() => latestOf(bus, 'ping')).toThrow(expect.objectContaining({ code: 'closed' }));
  });

  it('works after destructuring, and with a view of the bus', async () => {
    const { subscribe, publish } = createLoggedBus();
    const view: Subscriber<Pick<Events, 'ping'>> = { subscribe };
    const { get } = latestOf(view, 'ping');

    await publish('ping', { value: 1 });

    expect(get()).toEqual({ value: 1 });
  });

  it('leaves nothing behind after 10,000 listeners and 10,000 stores', () => {
    const { bus, handlerCount } = createLoggedBus();
    const latest = latestOf(bus, 'ping');
    const changed = vi.fn();
    for (let round = 0; round < 10_000; round++) {
      latest.subscribe(changed)();
      latestOf(bus, 'pong').dispose();
    }
    changed.mockClear();
    void bus.publish('ping', { value: 1 });

    expect(changed).not.toHaveBeenCalled();
    expect(handlerCount()).toBe(1);
  });

  it.each([
    ['what is no bus', {}, 'ping', '[mapbus] bus: expected an object with subscribe, got object'],
    ['a name that is none', createLoggedBus().bus, 7, '[mapbus] event name: expected string, got 7'],
  ])('throws a TypeError for %s', (_, bus, name, message) => {
    expect(() => latestOf(bus as never, name as never)).toThrow(new TypeError(message));
  });

  it('throws a TypeError for a listener that is no function', async () => {
    const { bus, publish } = createLoggedBus();
    const latest = latestOf(bus, 'ping');

    expect(() => latest.subscribe({} as never)).toThrow(
      new TypeError('[mapbus] changed: expected function, got object'),
    );
    expect((await publish('ping', { value: 1 })).failures).toEqual([]);
  });
});

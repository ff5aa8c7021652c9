import { describe, expect, it, vi } from 'vitest';
import { onAbort } from '../../src/shared/abort.ts';

const createSpied = () => {
  const controller = new AbortController();
  const added = vi.spyOn(controller.signal, 'addEventListener');
  const removed = vi.spyOn(controller.signal, 'removeEventListener');
  return { controller, signal: controller.signal, added, removed };
};

describe('onAbort', () => {
  it('calls each callback once for each of its registrations', () => {
    const { controller, signal, added } = createSpied();
    const [twice, other] = [vi.fn(), vi.fn()];
    onAbort(signal, twice);
    onAbort(signal, twice);
    onAbort(signal, other);

    controller.abort();

    expect(twice.mock.calls).toEqual([[], []]);
    expect(other).toHaveBeenCalledOnce();
    expect(added).toHaveBeenCalledOnce();
  });

  it('keeps the listener until the last callback has gone, however often one goes', () => {
    const { controller, signal, removed } = createSpied();
    const kept = vi.fn();
    const stopFirst = onAbort(signal, () => {});
    const stopKept = onAbort(signal, kept);
    stopFirst();
    stopFirst();
    expect(removed).not.toHaveBeenCalled();
    controller.abort();
    expect(kept).toHaveBeenCalledOnce();

    stopKept();
    stopKept();

    expect(removed).toHaveBeenCalledOnce();
  });

  it('listens anew after the last callback has gone', () => {
    const { controller, signal, added } = createSpied();
    const [first, second] = [vi.fn(), vi.fn()];
    const stop = onAbort(signal, first);
    stop();
    onAbort(signal, second);
    // What has ended already ends nothing else.
    stop();

    controller.abort();

    expect(added).toHaveBeenCalledTimes(2);
    expect(first).not.toHaveBeenCalled();
    expect(second).toHaveBeenCalledOnce();
  });

  it('calls the rest when a callback ends others', () => {
    const { controller, signal } = createSpied();
    const calls: string[] = [];
    const stops = ['first', 'second'].map((name) =>
      onAbort(signal, () => {
        calls.push(name);
        for (const stop of stops) stop();
      }),
    );

    controller.abort();

    expect(calls).toEqual(['first', 'second']);
  });
});

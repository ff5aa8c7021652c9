import { createEventBus, latestOf } from 'mapbus';
import { useLatest, useSubscribe } from 'mapbus/react';
import { renderToString } from 'react-dom/server';
import { expect, it, vi } from 'vitest';

it('a server renders the initial value, subscribes to nothing and prints nothing', async () => {
  const printed = vi.spyOn(console, 'error').mockReturnValue();
  const bus = createEventBus<{ ping: number }>();
  const latest = latestOf(bus, 'ping', 1);
  const handler = vi.fn();
  const Page = () => {
    useSubscribe(bus, 'ping', handler);
    return <b>{useLatest(latest)}</b>;
  };
  await bus.publish('ping', 2);
  const pages = Array.from({ length: 101 }, () => renderToString(<Page />));
  await bus.publish('ping', 3);

  expect(new Set(pages)).toEqual(new Set(['<b>1</b>']));
  expect([bus.handlerCount(), handler.mock.calls, printed.mock.calls]).toEqual([1, [], []]);
});

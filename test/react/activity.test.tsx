import { latestOf } from 'mapbus';
import { useLatest, useSubscribe } from 'mapbus/react';
import { Activity } from 'react';
import { expect, it, vi } from 'vitest';
import { act, createBus, renderPage } from './support.tsx';

it('useSubscribe is not subscribed while Activity hides its component', async () => {
  const bus = createBus();
  const handler = vi.fn();
  const Hear = ({ label }: { label: string }) => {
    useSubscribe(bus, 'ping', (value) => handler(label, value));
    return null;
  };
  const tree = (mode: 'visible' | 'hidden', label: string) => (
    <Activity mode={mode}>
      <Hear label={label} />
    </Activity>
  );
  const page = await renderPage(tree('hidden', 'first'));
  expect(bus.handlerCount()).toBe(0);

  await page.render(tree('visible', 'second'));
  expect(bus.handlerCount()).toBe(1);
  await act(async () => bus.publish('ping', 1));
  await page.render(tree('hidden', 'third'));
  expect(bus.handlerCount()).toBe(0);
  await act(async () => bus.publish('ping', 2));
  await page.render(tree('visible', 'third'));
  await act(async () => bus.publish('ping', 3));

  expect(handler.mock.calls).toEqual([
    ['second', 1],
    ['third', 3],
  ]);
});

it('useLatest shows the current value when Activity shows its component again', async () => {
  const bus = createBus();
  const latest = latestOf(bus, 'ping', 0);
  const Show = () => <b>{useLatest(latest)}</b>;
  const tree = (mode: 'visible' | 'hidden') => (
    <Activity mode={mode}>
      <Show />
    </Activity>
  );
  const page = await renderPage(tree('visible'));

  await page.render(tree('hidden'));
  await act(async () => bus.publish('ping', 1));
  await page.render(tree('visible'));

  expect(page.text()).toBe('1');
});

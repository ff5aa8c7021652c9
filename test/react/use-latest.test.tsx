import { type Latest, latestOf } from 'mapbus';
import { useLatest } from 'mapbus/react';
import { StrictMode, startTransition, useState } from 'react';
import { hydrateRoot } from 'react-dom/client';
import { renderToString } from 'react-dom/server';
import { describe, expect, it, vi } from 'vitest';
import { act, createBus, renderPage } from './support.tsx';

const Show = ({ latest }: { latest: Latest<number> }) => <b>{useLatest(latest)}</b>;

/** Keeps the processor busy, so that React interrupts a transition between two of them. */
const Slow = ({ latest }: { latest: Latest<number> }) => {
  const value = useLatest(latest);
  const end = performance.now() + 3;
  while (performance.now() < end);
  return <i>{value}</i>;
};

describe('useLatest', () => {
  it('shows the initial value, and then each new one', async () => {
    const bus = createBus();
    const page = await renderPage(<Show latest={latestOf(bus, 'ping', 0)} />);
    const seen = [page.text()];

    for (const value of [1, 2]) {
      await act(async () => bus.publish('ping', value));
      seen.push(page.text());
    }

    expect(seen).toEqual(['0', '1', '2']);
  });

  it('shows a component that mounts later what was published before', async () => {
    const bus = createBus();
    const latest = latestOf(bus, 'ping', 0);
    await bus.publish('ping', 7);

    expect((await renderPage(<Show latest={latest} />)).text()).toBe('7');
  });

  it('renders once for each change, and not for the same value', async () => {
    const bus = createBus();
    const latest = latestOf(bus, 'ping', 0);
    const render = vi.fn();
    const Count = () => {
      render(useLatest(latest));
      return null;
    };
    await renderPage(<Count />);

    for (const value of [1, 1, 2]) await act(async () => bus.publish('ping', value));

    expect(render.mock.calls).toEqual([[0], [1], [2]]);
  });

  it('is on the bus once, under StrictMode and for any number of components', async () => {
    const bus = createBus();
    const latest = latestOf(bus, 'ping', 0);
    const page = await renderPage(
      <StrictMode>
        <Show latest={latest} />
        <Show latest={latest} />
      </StrictMode>,
    );

    await act(async () => bus.publish('ping', 1));

    expect([page.text(), bus.handlerCount()]).toEqual(['11', 1]);
  });

  it('follows another store', async () => {
    const bus = createBus();
    const [first, second] = [latestOf(bus, 'ping', 1), latestOf(bus, 'pong', 2)];
    const page = await renderPage(<Show latest={first} />);

    await page.render(<Show latest={second} />);
    await act(async () => bus.publish('ping', 10));
    expect(page.text()).toBe('2');
    await act(async () => bus.publish('pong', 20));

    expect(page.text()).toBe('20');
  });

  it('does not tear when an event comes in the middle of a transition', async () => {
    const bus = createBus();
    const latest = latestOf(bus, 'ping', 0);
    let show: (isShown: boolean) => void = () => {};
    const Page = () => {
      const [isShown, setIsShown] = useState(false);
      show = setIsShown;
      return isShown ? Array.from({ length: 40 }, (_, index) => <Slow key={String(index)} latest={latest} />) : null;
    };
    const { container } = await renderPage(<Page />);
    const torn: string[] = [];
    const valuesOf = () => [...container.querySelectorAll('i')].map(({ textContent }) => textContent);
    const observer = new MutationObserver(() => {
      const values = valuesOf();
      if (new Set(values).size > 1) torn.push(values.join());
    });
    observer.observe(container, { childList: true, subtree: true, characterData: true });

    // Outside of `act`, which would render everything at once.
    Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: false });
    let published = 0;
    const timer = setInterval(() => void bus.publish('ping', ++published), 10);
    try {
      startTransition(() => show(true));
      await vi.waitFor(() => expect(valuesOf()).toHaveLength(40), 5_000);
      expect(published).toBeGreaterThan(1);
    } finally {
      clearInterval(timer);
      Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
    }
    await act(async () => {});

    expect(torn).toEqual([]);
    expect(new Set(valuesOf())).toEqual(new Set([`${published}`]));
  });

  it('hydrates from the initial value, and then shows what was published before', async () => {
    const bus = createBus();
    const latest = latestOf(bus, 'ping', 1);
    const container = document.createElement('main');
    container.innerHTML = renderToString(<Show latest={latest} />);
    const seen = [container.textContent];
    const errors = vi.spyOn(console, 'error').mockReturnValue();
    const recovered = vi.fn();
    await bus.publish('ping', 2);

    const root = await act(async () =>
      hydrateRoot(container, <Show latest={latest} />, { onRecoverableError: recovered }),
    );
    seen.push(container.textContent);

    expect(seen).toEqual(['1', '2']);
    expect([recovered, errors].map(({ mock }) => mock.calls)).toEqual([[], []]);
    await act(async () => root.unmount());
  });
});

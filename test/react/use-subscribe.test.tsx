import type { Subscriber } from 'mapbus';
import { useSubscribe } from 'mapbus/react';
import { Component, type ReactNode, StrictMode, Suspense, useEffect, useLayoutEffect, useState } from 'react';
import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';
import { describe, expect, it, vi } from 'vitest';
import { createGate } from '../support.ts';
import { act, createBus, type Events, renderPage } from './support.tsx';

type Bus = Subscriber<Events>;

const Hear = ({ bus, handler }: { bus: Bus; handler: (value: number) => unknown }) => {
  useSubscribe(bus, 'ping', handler);
  return null;
};

const Sum = ({ bus }: { bus: Bus }) => {
  const [sum, setSum] = useState(0);
  useSubscribe(bus, 'ping', (value) => setSum(sum + value));
  return <output>{sum}</output>;
};

describe('useSubscribe', () => {
  it('calls the handler while the component is on the page', async () => {
    const bus = createBus();
    const handler = vi.fn();
    const page = await renderPage(<Hear bus={bus} handler={handler} />);

    await act(async () => bus.publish('ping', 1));
    await page.unmount();
    await bus.publish('ping', 2);

    expect(handler.mock.calls).toEqual([[1, expect.objectContaining({ name: 'ping' })]]);
    expect(bus.handlerCount()).toBe(0);
  });

  it('has one handler under StrictMode', async () => {
    const bus = createBus();
    const page = await renderPage(
      <StrictMode>
        <Sum bus={bus} />
      </StrictMode>,
    );

    await act(async () => bus.publish('ping', 1));

    expect([bus.handlerCount(), page.text()]).toEqual([1, '1']);
    await page.unmount();
    expect(bus.handlerCount()).toBe(0);
  });

  it('calls the handler of the last render, by one subscription', async () => {
    const bus = createBus();
    const subscribe = vi.fn(bus.subscribe) as typeof bus.subscribe;
    const page = await renderPage(<Sum bus={{ subscribe }} />);

    for (const value of [1, 2, 3]) await act(async () => bus.publish('ping', value));

    expect(page.text()).toBe('6');
    expect(subscribe).toHaveBeenCalledOnce();
  });

  it('shows a layout effect of the same render the new handler', async () => {
    const bus = createBus();
    const seen: string[] = [];
    const Publish = ({ label }: { label: string }) => {
      useLayoutEffect(() => {
        void bus.publish('ping', label.length);
      }, [label]);
      return null;
    };
    const tree = (label: string) => (
      <>
        <Publish label={label} />
        <Hear bus={bus} handler={() => seen.push(label)} />
      </>
    );
    const page = await renderPage(tree('old'));

    await page.render(tree('new'));

    expect(seen).toEqual(['new']);
  });

  it('hears what a sibling before it publishes in its first effect', async () => {
    const bus = createBus();
    const handler = vi.fn();
    const Publish = () => {
      useEffect(() => {
        void bus.publish('ping', 1);
      }, []);
      return null;
    };

    await renderPage(
      <>
        <Publish />
        <Hear bus={bus} handler={handler} />
      </>,
    );

    expect(handler).toHaveBeenCalledOnce();
  });

  it('hears what a child publishes in its first effect', async () => {
    const bus = createBus();
    const Publish = () => {
      useEffect(() => {
        void bus.publish('ping', 5);
      }, []);
      return null;
    };
    const Parent = () => {
      const [value, setValue] = useState(0);
      useSubscribe(bus, 'ping', setValue);
      return (
        <output>
          {value}
          <Publish />
        </output>
      );
    };

    expect((await renderPage(<Parent />)).text()).toBe('5');
  });

  it('is called no more in the task in which the component goes', async () => {
    const bus = createBus();
    const handler = vi.fn();
    const root = createRoot(document.createElement('main'));
    await act(async () => root.render(<Hear bus={bus} handler={handler} />));

    await act(async () => {
      flushSync(() => root.render(null));
      void bus.publish('ping', 1);
    });

    expect(handler).not.toHaveBeenCalled();
    await act(async () => root.unmount());
  });

  it('is not subscribed while Suspense shows its fallback, and is again after it', async () => {
    const bus = createBus();
    const handler = vi.fn();
    const gate = createGate();
    let isReady = true;
    const Wait = () => {
      if (!isReady) throw gate.promise;
      return null;
    };
    const tree = () => (
      <Suspense fallback="loading">
        <Hear bus={bus} handler={handler} />
        <Wait />
      </Suspense>
    );
    const page = await renderPage(tree());
    expect(bus.handlerCount()).toBe(1);

    isReady = false;
    await page.render(tree());
    expect([page.text(), bus.handlerCount()]).toEqual(['loading', 0]);
    isReady = true;
    await act(async () => gate.open());

    expect([page.text(), bus.handlerCount()]).toEqual(['', 1]);
  });

  it('moves to another bus, another name and other options', async () => {
    const [first, second] = [createBus(), createBus()];
    const handler = vi.fn();
    const Each = ({ bus, name, label }: { bus: Bus; name: keyof Events; label: string }) => {
      useSubscribe(bus, name, handler, { name: label });
      return null;
    };
    const page = await renderPage(<Each bus={first} name="ping" label="a" />);

    await page.render(<Each bus={second} name="ping" label="a" />);
    expect([first.handlerCount(), second.handlerCount('ping')]).toEqual([0, 1]);
    await page.render(<Each bus={second} name="pong" label="a" />);
    expect([second.handlerCount('ping'), second.handlerCount('pong')]).toEqual([0, 1]);
    handler.mockImplementation(() => {
      throw new Error('no');
    });
    await page.render(<Each bus={second} name="pong" label="b" />);

    expect((await second.publish('pong', 1)).failures).toMatchObject([{ handlerName: 'b' }]);
  });

  it('names the handler after its function, and otherwise after itself', async () => {
    const bus = createBus();
    const fail = () => {
      throw new Error('no');
    };
    await renderPage(
      <>
        <Hear bus={bus} handler={fail} />
        <Hear
          bus={bus}
          handler={(
            () => () =>
              fail()
          )()}
        />
      </>,
    );

    const { failures } = await bus.publish('ping', 1);

    expect(failures.map(({ handlerName }) => handlerName)).toEqual(['fail', 'useSubscribe']);
  });

  it('limits the time of a handler', async () => {
    const bus = createBus();
    const gate = createGate();
    const Limited = () => {
      useSubscribe(bus, 'ping', () => gate.promise, { timeoutMs: 5 });
      return null;
    };
    await renderPage(<Limited />);

    expect((await bus.publish('ping', 1)).failures).toMatchObject([{ error: { code: 'timeout' } }]);
    gate.open();
  });

  it('reports a handler that fails to the publisher, and leaves the page as it is', async () => {
    const bus = createBus();
    const error = new Error('no');
    const page = await renderPage(
      <p>
        here
        <Hear bus={bus} handler={() => Promise.reject(error)} />
      </p>,
    );

    const { failures } = await bus.publish('ping', 1);

    expect(failures).toMatchObject([{ error }]);
    expect(page.text()).toBe('here');
  });

  it('leaves nothing behind after 10,000 mounts', async () => {
    const bus = createBus();
    const handler = vi.fn();
    const root = createRoot(document.createElement('main'));
    const mount = (key: number) => flushSync(() => root.render(<Hear key={key} bus={bus} handler={handler} />));
    Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: false });
    try {
      for (let key = 0; key < 10_000; key++) mount(key);
    } finally {
      Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
    }

    expect(bus.handlerCount()).toBe(1);
    await act(async () => root.unmount());
    expect(bus.handlerCount()).toBe(0);
  }, 30_000);
});

/** An error boundary, as the docs of React write it. */
class Boundary extends Component<{ children: ReactNode }> {
  override state = { message: '' };
  static getDerivedStateFromError(error: Error) {
    return { message: error.message };
  }
  override render() {
    return this.state.message || this.props.children;
  }
}

describe('useSubscribe with a bad argument', () => {
  const showError = async (bus: unknown, name: unknown, handler: unknown, options?: unknown) => {
    vi.spyOn(console, 'error').mockReturnValue();
    const Bad = () => {
      useSubscribe(bus as Bus, name as 'ping', handler as () => void, options as object);
      return null;
    };
    return (await renderPage(<Boundary>{<Bad />}</Boundary>)).text();
  };
  const handler = () => {};

  it.each([
    [{}, 'ping', handler, undefined, 'bus: expected an object with subscribe, got object'],
    [createBus(), 'ping', undefined, undefined, 'handler: expected function, got undefined'],
    [createBus(), 7, handler, undefined, 'event name: expected string, got 7'],
    [
      createBus(),
      'ping',
      handler,
      { once: true },
      'useSubscribe options: unknown option once, expected name, timeoutMs',
    ],
    [
      createBus(),
      'ping',
      handler,
      { timeoutMs: 0 },
      'useSubscribe options.timeoutMs: expected positive milliseconds, got 0',
    ],
  ])('%#: throws a TypeError to the error boundary', async (bus, name, given, options, message) => {
    expect(await showError(bus, name, given, options)).toBe(`[mapbus] ${message}`);
  });

  it('throws the error of a closed bus to the error boundary', async () => {
    const bus = createBus();
    await bus.close();

    expect(await showError(bus, 'ping', handler)).toMatch(/closed/);
  });
});

describe('an event that is published while rendering', () => {
  it('makes React warn in development, when its handler changes a component', async () => {
    const bus = createBus();
    const warn = vi.spyOn(console, 'error').mockReturnValue();
    const Wrong = () => {
      void bus.publish('ping', 1);
      return null;
    };
    const page = await renderPage(<Sum bus={bus} />);
    expect(warn).not.toHaveBeenCalled();

    await page.render(
      <>
        <Sum bus={bus} />
        <Wrong />
      </>,
    );
    await renderPage(<Wrong />);

    expect(warn.mock.calls.flat().join(' ')).toContain('Cannot update a component');
  });
});

// Runs in a page: 100 components, 1,000 updates, each way after the other, in many rounds.
import { useStore } from '@nanostores/react';
import mitt from 'mitt';
import { atom } from 'nanostores';
import { type ReactNode, useEffect, useState } from 'react';
import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';
import { create } from 'zustand';
import { createEventBus, latestOf } from '../../../dist/index.js';
import { useLatest, useSubscribe } from '../../../dist/react.js';

const COMPONENTS = 100;
const UPDATES = 1_000;
const ROUNDS = 41;

type Events = { changed: number; moved: { index: number; value: number } };

/** One way to bring an update to components. */
interface Way {
  readonly name: string;
  /** A fresh one, with nothing subscribed yet. */
  readonly create: () => {
    readonly Cell: (props: { index: number }) => ReactNode;
    readonly update: (value: number) => void;
  };
}

let renders = 0;
const show = (value: number) => {
  renders++;
  return <i>{value}</i>;
};

/** Every component shows what every event carries. */
const all: readonly Way[] = [
  {
    name: 'useSubscribe',
    create: () => {
      const bus = createEventBus<Events>();
      const Cell = () => {
        const [value, setValue] = useState(0);
        useSubscribe(bus, 'changed', setValue);
        return show(value);
      };
      return { Cell, update: (value) => void bus.publish('changed', value) };
    },
  },
  {
    name: 'mitt in an effect',
    create: () => {
      const events = mitt<Events>();
      const Cell = () => {
        const [value, setValue] = useState(0);
        useEffect(() => {
          events.on('changed', setValue);
          return () => events.off('changed', setValue);
        }, []);
        return show(value);
      };
      return { Cell, update: (value) => events.emit('changed', value) };
    },
  },
  {
    name: 'latestOf and useLatest',
    create: () => {
      const bus = createEventBus<Events>();
      const latest = latestOf(bus, 'changed', 0);
      return { Cell: () => show(useLatest(latest)), update: (value) => void bus.publish('changed', value) };
    },
  },
  {
    name: 'zustand',
    create: () => {
      const useNumber = create<{ value: number }>()(() => ({ value: 0 }));
      return { Cell: () => show(useNumber(({ value }) => value)), update: (value) => useNumber.setState({ value }) };
    },
  },
  {
    name: 'nanostores',
    create: () => {
      const store = atom(0);
      return { Cell: () => show(useStore(store)), update: (value) => store.set(value) };
    },
  },
];

/** Each update is for one of the components. */
const one: readonly Way[] = [
  {
    name: 'useSubscribe, one event for all',
    create: () => {
      const bus = createEventBus<Events>();
      const Cell = ({ index }: { index: number }) => {
        const [value, setValue] = useState(0);
        useSubscribe(bus, 'moved', (moved) => moved.index === index && setValue(moved.value));
        return show(value);
      };
      return { Cell, update: (value) => void bus.publish('moved', { index: value % COMPONENTS, value }) };
    },
  },
  {
    name: 'mitt in an effect, one event for all',
    create: () => {
      const events = mitt<Events>();
      const Cell = ({ index }: { index: number }) => {
        const [value, setValue] = useState(0);
        useEffect(() => {
          const moved = (event: Events['moved']) => event.index === index && setValue(event.value);
          events.on('moved', moved);
          return () => events.off('moved', moved);
        }, [index]);
        return show(value);
      };
      return { Cell, update: (value) => events.emit('moved', { index: value % COMPONENTS, value }) };
    },
  },
  {
    name: 'latestOf and useLatest, an event for each',
    create: () => {
      const bus = createEventBus<Record<string, number>>();
      const cells = Array.from({ length: COMPONENTS }, (_, index) => latestOf(bus, `moved.${index}`, 0));
      const Cell = ({ index }: { index: number }) => show(useLatest(cells[index] as (typeof cells)[0]));
      return { Cell, update: (value) => void bus.publish(`moved.${value % COMPONENTS}`, value) };
    },
  },
  {
    name: 'zustand, a selector for each',
    create: () => {
      const useValues = create<Record<number, number>>()(() => ({}));
      const Cell = ({ index }: { index: number }) => show(useValues((values) => values[index] ?? 0));
      return { Cell, update: (value) => useValues.setState({ [value % COMPONENTS]: value }) };
    },
  },
  {
    name: 'nanostores, an atom for each',
    create: () => {
      const atoms = Array.from({ length: COMPONENTS }, () => atom(0));
      const Cell = ({ index }: { index: number }) => show(useStore(atoms[index] as (typeof atoms)[0]));
      return { Cell, update: (value) => atoms[value % COMPONENTS]?.set(value) };
    },
  },
];

const nextTask = () => new Promise((resolve) => setTimeout(resolve));

const measure = async ({ create: createWay }: Way) => {
  const { Cell, update } = createWay();
  const page = document.createElement('main');
  document.body.append(page);
  const root = createRoot(page);
  const cells = Array.from({ length: COMPONENTS }, (_, index) => index);
  flushSync(() => root.render(cells.map((index) => <Cell key={index} index={index} />)));
  // The effects have run then.
  await nextTask();
  renders = 0;
  const start = performance.now();
  for (let value = 1; value <= UPDATES; value++) flushSync(() => update(value));
  const ms = performance.now() - start;
  const shown = [...page.querySelectorAll('i')].map(({ textContent }) => Number(textContent));
  if (Math.max(...shown) !== UPDATES) throw new Error(`It shows ${Math.max(...shown)}`);
  root.unmount();
  page.remove();
  await nextTask();
  return { ms, renders };
};

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

const compare = async (ways: readonly Way[]) => {
  const results = new Map(ways.map(({ name }) => [name, [] as { ms: number; renders: number }[]]));
  for (const way of ways) await measure(way);
  for (let round = 0; round < ROUNDS; round++) {
    // Each round begins with another one.
    for (let index = 0; index < ways.length; index++) {
      const way = ways[(index + round) % ways.length] as Way;
      results.get(way.name)?.push(await measure(way));
    }
  }
  return [...results].map(([name, rounds]) => {
    const times = rounds.map(({ ms }) => ms);
    return { name, ms: median(times), lowest: Math.min(...times), renders: rounds[0]?.renders ?? 0 };
  });
};

Object.assign(globalThis, { measureUpdates: async () => ({ all: await compare(all), one: await compare(one) }) });

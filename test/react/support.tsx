import { createEventBus } from 'mapbus';
import * as React from 'react';
import { createRoot, type Root } from 'react-dom/client';
import { afterEach } from 'vitest';

export interface Events {
  ping: number;
  pong: number;
}

export const createBus = () => createEventBus<Events>({ logger: { debug: () => {}, warn: () => {}, error: () => {} } });

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

/** React 18.0 has it under another name. */
export const act: typeof React.act = React.act ?? Reflect.get(React, 'unstable_act');

const roots: Root[] = [];

/** Renders in a page, and again with `render`. */
export const renderPage = async (element: React.ReactNode) => {
  const container = document.createElement('main');
  document.body.append(container);
  const root = createRoot(container);
  roots.push(root);
  const render = (next: React.ReactNode) => act(async () => root.render(next));
  await render(element);
  return { container, text: () => container.textContent, render, unmount: () => act(async () => root.unmount()) };
};

afterEach(async () => {
  for (const root of roots.splice(0)) await act(async () => root.unmount());
  document.body.replaceChildren();
});

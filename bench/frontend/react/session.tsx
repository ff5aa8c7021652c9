// Runs in a page: a session in one of the two shops, whose renders are counted.
import type { ReactNode } from 'react';
import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';

const renders: Record<string, number> = {};

/** The component, called by one that counts. */
const counted = (name: string, component: () => ReactNode) => () => {
  renders[name] = (renders[name] ?? 0) + 1;
  return component();
};

const click = (label: string) => {
  const buttons = [...document.querySelectorAll('button')];
  const button = buttons.find(({ textContent }) => textContent?.startsWith(label));
  if (!button) throw new Error(`There is no button ${label}`);
  flushSync(() => button.click());
};

/** Shows the components of a shop and uses them. */
export const runSession = (components: Readonly<Record<string, () => ReactNode>>) => {
  const Shown = Object.entries(components).map(([name, component]) => counted(name, component));
  const page = document.createElement('main');
  document.body.append(page);
  flushSync(() => createRoot(page).render(Shown.map((Each, index) => <Each key={String(index)} />)));
  for (const label of ['Tea', 'Cake', 'Cup', 'Tea', 'Remove Cake', 'Undo', 'Undo']) click(label);
  return { renders, total: document.querySelector('output')?.textContent };
};

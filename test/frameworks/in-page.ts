/** What a page shows, at each step of the test. */
export const createSteps = () => {
  const steps: unknown[] = [];
  const page = document.createElement('main');
  document.body.append(page);
  const note = (handlerCount: number) =>
    steps.push([page.querySelector('output')?.textContent?.trim() ?? null, handlerCount]);
  return { page, note, steps };
};

/** What every framework must show: the start, an event, a second one after the component has gone. */
export const expectedSteps = [
  ['0 items.', 3],
  ['1 items. Tea is in the cart', 3],
  [null, 2],
];

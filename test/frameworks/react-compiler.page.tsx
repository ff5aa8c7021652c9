import { createEventBus, latestOf } from 'mapbus';
import { useLatest, useSubscribe } from 'mapbus/react';
import { useState } from 'react';
import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';

const bus = createEventBus<{ changed: number }>();
const latest = latestOf(bus, 'changed', 0);

const Show = ({ factor }: { factor: number }) => {
  const value = useLatest(latest);
  const [sum, setSum] = useState(0);
  useSubscribe(bus, 'changed', (changed) => setSum(sum + changed * factor));
  return (
    <p>
      {value} {sum}
    </p>
  );
};

/** What a component shows that the React Compiler has compiled, and how many handlers it has at last. */
export const run = () => {
  const root = createRoot(document.body);
  const render = (factor: number) => flushSync(() => root.render(<Show factor={factor} />));
  render(1);
  flushSync(() => void bus.publish('changed', 1));
  render(100);
  flushSync(() => void bus.publish('changed', 2));
  return [document.body.textContent, bus.handlerCount()];
};

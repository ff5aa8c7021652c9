// Bundled for a server, with the oldest React that the package accepts.
import { createEventBus, latestOf } from 'mapbus';
import { useLatest, useSubscribe } from 'mapbus/react';
import { version } from 'react';
import { renderToString } from 'react-dom/server';

const bus = createEventBus<{ changed: number }>();
const latest = latestOf(bus, 'changed', 1);
const Page = () => {
  useSubscribe(bus, 'changed', () => {});
  return <p>{useLatest(latest)}</p>;
};
await bus.publish('changed', 2);
console.log(version.split('-')[0], renderToString(<Page />), bus.handlerCount());

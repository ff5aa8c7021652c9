// The other end of a link, in a worker thread or a child process: doubles each ping as a pong.
import { parentPort } from 'node:worker_threads';
import { createEventBus } from 'mapbus';
import { link } from 'mapbus/link';
import type { Events } from '../../support.ts';

const bus = createEventBus<Events>();
bus.subscribe('ping', ({ value }) => bus.publish('pong', { value: 2 * value }));
const unlink = link(bus, parentPort ?? process, { receive: ['ping', 'cleared'], send: ['pong'] });
bus.subscribe('cleared', () => {
  unlink();
  if (parentPort) parentPort.close();
  // Not below the message: Node crashes then.
  else setImmediate(() => process.disconnect());
});

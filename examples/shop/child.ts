// A process of the shop that main.ts starts: it runs one module until its parent asks it to end.
import { type Module, startProcess } from './shop.ts';
import { openTransport } from './transport.ts';

const [namespace = '', folder = '', module = 'mail'] = process.argv.slice(2);
const { transport, disconnect } = await openTransport();
const { bus } = await startProcess({ transport, namespace, folder, modules: [module as Module] });
const parentDied = () => process.exit(1);
process.once('disconnect', parentDied);
process.once('message', async () => {
  process.off('disconnect', parentDied);
  await bus.close();
  await disconnect();
  process.disconnect();
});
process.send?.('ready');

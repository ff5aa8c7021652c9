// A process of the shop that main.ts starts: it runs one module until its parent asks it to end.
import { transportFromUrl } from 'mapbus/url';
import { type Module, startProcess } from './shop.ts';

const [url = '', namespace = '', folder = '', module = 'mail'] = process.argv.slice(2);
const transport = await transportFromUrl(url);
const { bus } = await startProcess({ transport, namespace, folder, modules: [module as Module] });
process.once('message', async () => {
  await bus.close();
  process.disconnect();
});
process.send?.('ready');

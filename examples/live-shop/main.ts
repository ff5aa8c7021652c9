// The live shop: npm run live-shop. Open the page in two tabs.
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startShop } from './server.ts';

const folder = process.env.SHOP_FOLDER ?? join(tmpdir(), 'mapbus-live-shop');
const shop = await startShop({ port: Number(process.env.PORT ?? 8080), folder, stepMs: 2_000 });
console.log(`The shop is open at ${shop.url}. Its database is in ${folder}.`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => shop.close());

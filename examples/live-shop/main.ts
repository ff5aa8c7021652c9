// The live shop: npm run live-shop. Open the page in two tabs.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startShop } from './server.ts';

const folder = process.env.SHOP_FOLDER ?? mkdtempSync(join(tmpdir(), 'live-shop-'));
const shop = await startShop({ port: Number(process.env.PORT ?? 8080), folder, stepMs: 2_000 });
console.log(`The shop is open at ${shop.url} Orders are kept in ${folder}`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => shop.close());

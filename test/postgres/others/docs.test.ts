import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it, vi } from 'vitest';
import { readPage } from '../../../scripts/readme.ts';
import { findServer } from '../server/support.ts';
import { generatePrisma } from './generate-prisma.ts';

const url = await findServer();

if (url !== undefined)
  it('the sample for Prisma delivers the event of its transaction', async () => {
    const [, sample = ''] = /^```js\n(.*?)^```$/ms.exec(readPage('docs/transactions.md')) ?? [];
    const { folder } = await generatePrisma();
    // As TypeScript, the code is found where the client is.
    const file = join(folder, 'sample.ts');
    writeFileSync(file, sample);
    vi.stubEnv('DATABASE_URL', url);
    const log = vi.spyOn(console, 'log').mockReturnValue();

    await import(/* @vite-ignore */ pathToFileURL(file).href);

    expect(log.mock.calls).toEqual([['mail about o-1']]);
    vi.unstubAllEnvs();
  }, 60_000);

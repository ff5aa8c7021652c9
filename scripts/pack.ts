import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Packs the package as `npm publish` does, and unpacks it into the `node_modules` of a folder. */
export const installPacked = async (source: string, folder: string, ...options: readonly string[]): Promise<void> => {
  const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', folder, ...options], { cwd: source });
  const target = join(folder, 'node_modules/mapbus');
  mkdirSync(target, { recursive: true });
  await run('tar', ['-xzf', stdout.trim(), '-C', target, '--strip-components', '1'], { cwd: folder });
};

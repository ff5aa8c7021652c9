import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Installs the packages of a folder as its lock file says, if they are not there yet. */
export const npmCi = async (folder: string): Promise<void> => {
  try {
    await run('npm', ['ls', '--prefix', folder]);
  } catch {
    await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel', 'error', '--prefix', folder]);
  }
};

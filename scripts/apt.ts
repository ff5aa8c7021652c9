import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const run = (...args: readonly string[]) =>
  execFileSync('apt-get', args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });

/**
 * Installs packages of Debian.
 * @throws an error that names the packages where that is not possible
 */
export const apt = (...packages: readonly string[]): void => {
  const names = packages.join(' and ');
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    throw new Error(`${names} must be installed by hand: only root on Debian can run apt-get`);
  }
  console.log(`Installing ${names} by apt-get`);
  run('update', '-q');
  run('install', '-q', '-y', '--no-install-recommends', ...packages);
};

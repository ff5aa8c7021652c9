import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Two parts of the tests may install something at the same time: the second one waits, in seconds. */
const WAIT = 'DPkg::Lock::Timeout=300';

const run = (...args: readonly string[]) =>
  execFileSync('apt-get', ['-o', WAIT, ...args], {
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
  // The lists have a lock of their own, for which apt-get does not wait. Those that another one has just fetched will do.
  try {
    run('update', '-q');
  } catch (error) {
    console.log(`apt-get update has failed: ${String(error)}`);
  }
  run('install', '-q', '-y', '--no-install-recommends', ...packages);
};

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const run = (...args: readonly string[]) =>
  execFileSync('apt-get', args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });

/** Installs packages of Debian; throws where that cannot be done. */
export const apt = (...packages: readonly string[]): void => {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    throw new Error(`The tests need ${packages.join(' and ')}, which only root on Debian can install here`);
  }
  console.log(`Installing ${packages.join(' and ')} by apt-get`);
  run('update', '-q');
  run('install', '-q', '-y', '--no-install-recommends', ...packages);
};

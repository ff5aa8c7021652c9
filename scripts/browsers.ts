// Makes sure that there are browsers for the tests: those of CHROMIUM_PATH and FIREFOX_PATH, what is installed, or
// Debian's packages.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

export const chromiumPath: string = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
export const firefoxPath: string = process.env.FIREFOX_PATH ?? '/usr/bin/firefox-esr';

// Without these, Chromium looks up its maker's hosts at every start, which closed networks answer with delays.
export const chromiumArgs: string[] = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const packages = { chromium: chromiumPath, 'firefox-esr': firefoxPath };

const apt = (...args: readonly string[]) =>
  execFileSync('apt-get', args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });

/** Quick when they are there. */
export const ensureBrowsers = (): void => {
  const missing = Object.entries(packages).flatMap(([name, path]) => (existsSync(path) ? [] : [name]));
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    throw new Error(`The tests need ${missing.join(' and ')}: install it, or set CHROMIUM_PATH or FIREFOX_PATH`);
  }
  console.log(`Installing ${missing.join(' and ')} by apt-get`);
  apt('update', '-q');
  apt('install', '-q', '-y', '--no-install-recommends', ...missing);
};

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) ensureBrowsers();

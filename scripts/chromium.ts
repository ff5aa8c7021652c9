// Makes sure that there is a Chromium for the tests: CHROMIUM_PATH, what is installed, or Debian's package.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

export const chromiumPath: string = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';

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

const apt = (...args: readonly string[]) =>
  execFileSync('apt-get', args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });

const ensureChromium = () => {
  if (existsSync(chromiumPath)) return console.log(`Chromium: ${chromiumPath}`);
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    throw new Error('The tests need Chromium: install it, or name one in CHROMIUM_PATH');
  }
  console.log('Installing Chromium by apt-get');
  apt('update', '-q');
  apt('install', '-q', '-y', '--no-install-recommends', 'chromium');
};

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) ensureChromium();

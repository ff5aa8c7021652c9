// Makes sure that there are browsers for the tests: those of CHROMIUM_PATH and FIREFOX_PATH, what is installed, or
// Debian's packages.
import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { apt } from './apt.ts';

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

/** Quick when they are there. */
export const ensureBrowsers = (): void => {
  const missing = Object.entries(packages).flatMap(([name, path]) => (existsSync(path) ? [] : [name]));
  if (missing.length === 0) return;
  apt(...missing);
};

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) ensureBrowsers();

// Makes sure that there are Chromium, Firefox and WebKitGTK for the tests: those of CHROMIUM_PATH, FIREFOX_PATH and
// MINIBROWSER_PATH, what is installed, or Debian's packages.
import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { apt } from './apt.ts';
import { tryToInstall } from './try-to-install.ts';
import { ensureWebKit } from './webkit.ts';

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

/** Quick when it is there. */
const ensureBrowser = (debianPackage: string, path: string, variable: string): Promise<boolean> =>
  tryToInstall(`${debianPackage} (${variable}=${path})`, () => {
    if (!existsSync(path)) apt(debianPackage);
  });

export const ensureChromium = (): Promise<boolean> => ensureBrowser('chromium', chromiumPath, 'CHROMIUM_PATH');
export const ensureFirefox = (): Promise<boolean> => ensureBrowser('firefox-esr', firefoxPath, 'FIREFOX_PATH');

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await ensureChromium();
  await ensureFirefox();
  await ensureWebKit();
}

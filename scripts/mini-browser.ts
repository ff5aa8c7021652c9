// WebKitGTK for the tests: Debian's MiniBrowser on a screen of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { apt } from './apt.ts';
import { tryToInstall } from './try-to-install.ts';

const miniBrowser = process.env.MINIBROWSER_PATH ?? '/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser';
const xvfb = process.env.XVFB_PATH ?? '/usr/bin/Xvfb';

/** Quick when it is there. */
export const ensureWebKit = (): Promise<boolean> =>
  tryToInstall(`WebKitGTK (MINIBROWSER_PATH=${miniBrowser}) and Xvfb (XVFB_PATH=${xvfb})`, () => {
    if (!existsSync(miniBrowser)) apt('webkit2gtk-driver');
    if (!existsSync(xvfb)) apt('xvfb');
  });

/** The number of a screen that Xvfb chooses, which it writes to the fourth channel. */
const screenOf = (process: ChildProcess): Promise<string> =>
  new Promise((resolve, reject) => {
    process.once('error', reject);
    process.stdio[3]?.once('data', (chunk: Buffer) => resolve(chunk.toString().trim()));
  });

/** Opens a page. What it returns closes the browser. */
export const openInWebKit = async (address: string): Promise<() => Promise<void>> => {
  const home = mkdtempSync(join(tmpdir(), 'mapbus-webkit-'));
  const screen = spawn(xvfb, ['-displayfd', '3', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  const display = `:${await screenOf(screen)}`;
  const env = {
    ...process.env,
    DISPLAY: display,
    HOME: home,
    XDG_RUNTIME_DIR: home,
    GDK_BACKEND: 'x11',
    WEBKIT_DISABLE_COMPOSITING_MODE: '1',
  };
  const browser = spawn(miniBrowser, [address], { stdio: 'ignore', env });
  return async () => {
    for (const process of [browser, screen]) {
      const ended = process.exitCode === null && new Promise((resolve) => process.once('exit', resolve));
      process.kill('SIGKILL');
      await ended;
    }
    rmSync(home, { recursive: true, force: true });
  };
};

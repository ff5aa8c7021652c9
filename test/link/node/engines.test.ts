// One page of checks in each browser engine. The page reports to the server that serves it.
import { type BrowserType, chromium, firefox } from 'playwright';
import { describe, expect, it } from 'vitest';
import { chromiumArgs, chromiumPath, ensureChromium, ensureFirefox, firefoxPath } from '../../../scripts/browsers.ts';
import { ensureWebKit, openInWebKit } from '../../../scripts/webkit.ts';
import { within } from '../../../src/shared/time-limit.ts';
import { serve } from '../engines/server.ts';

interface Engine {
  readonly name: string;
  readonly ensure: () => Promise<boolean>;
  /** Opens a page. What it returns closes the browser. */
  readonly open: (address: string) => Promise<() => Promise<void>>;
}

const byPlaywright =
  (type: BrowserType, options: Parameters<BrowserType['launch']>[0]) =>
  async (address: string): Promise<() => Promise<void>> => {
    const browser = await type.launch(options);
    const page = await browser.newPage();
    await page.goto(address);
    return () => browser.close();
  };

const engines: readonly Engine[] = [
  {
    name: 'Chromium',
    ensure: ensureChromium,
    open: byPlaywright(chromium, { executablePath: chromiumPath, args: chromiumArgs }),
  },
  {
    name: 'Firefox',
    ensure: ensureFirefox,
    open: byPlaywright(firefox, { executablePath: firefoxPath, channel: 'moz-firefox' }),
  },
  { name: 'WebKitGTK', ensure: ensureWebKit, open: openInWebKit },
];

const installed: Engine[] = [];
for (const engine of engines) if (await engine.ensure()) installed.push(engine);

/** A check that hangs is reported after 15 s. A browser that is silent for so long has not run the page at all. */
const SILENT_MS = 120_000;

const runOnce = async ({ open }: Engine): Promise<Record<string, string> | undefined> => {
  let report: (results: Record<string, string>) => void = () => {};
  const reported = new Promise<Record<string, string>>((resolve) => {
    report = resolve;
  });
  const server = await serve(report);
  // Two names of this machine are two origins. Both are secure contexts, which a service worker needs.
  const only = process.env.ONLY_CHECK === undefined ? '' : `&only=${encodeURIComponent(process.env.ONLY_CHECK)}`;
  const address = `http://localhost:${server.port}/?other=http://127.0.0.1:${server.port}${only}`;
  const close = await open(address);
  try {
    return await within(SILENT_MS, reported, () => undefined);
  } finally {
    await close();
    server.close();
  }
};

/** A second browser is opened if the first one is silent: WebKitGTK was so once in many runs, on a busy machine. */
const runIn = async (engine: Engine): Promise<Record<string, string>> => {
  const results = (await runOnce(engine)) ?? (await runOnce(engine));
  if (!results) throw new Error(`${engine.name} has reported nothing, twice`);
  return results;
};

describe.each(installed)('a link in $name', (engine) => {
  it('does all that the page of checks asks for', async () => {
    const results = await runIn(engine);

    expect(Object.entries(results).filter(([, result]) => result !== 'ok')).toEqual([]);
    expect(Object.keys(results).length).toBeGreaterThan(15);
  }, 300_000);
});

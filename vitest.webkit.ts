// Runs tests of Vitest in WebKitGTK, which Playwright cannot drive.
import { playwright } from '@vitest/browser-playwright';
import { openInWebKit } from './scripts/webkit.ts';

/** The page of Vitest reports to it by itself. So the browser must only be opened and closed. */
export const webkit = (): ReturnType<typeof playwright> => ({
  ...playwright(),
  name: 'webkit',
  supportedBrowser: ['webkit'],
  providerFactory: () => {
    const opened: Promise<() => Promise<void>>[] = [];
    return {
      name: 'webkit',
      supportsParallelism: false,
      getCommandsContext: () => ({}),
      openPage: async (_session, url) => {
        const opening = openInWebKit(url);
        opened.push(opening);
        await opening;
      },
      close: async () => {
        for (const opening of opened.splice(0)) await (await opening)();
      },
    };
  },
});

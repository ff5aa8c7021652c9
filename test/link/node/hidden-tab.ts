import type { Browser } from 'playwright';

interface Answer {
  readonly result?: {
    readonly result?: { readonly value?: unknown };
    readonly exceptionDetails?: { readonly exception?: { readonly description?: string } };
  };
}
// Playwright declares only the commands that its own sessions need.
type Send = (method: string, params?: object) => Promise<Record<string, string>>;

/**
 * Opens tabs over the DevTools protocol alone. Playwright keeps each of its pages visible, and Chromium freezes only a tab
 * that is hidden.
 */
export const createTabs = async (browser: Browser) => {
  const session = await browser.newBrowserCDPSession();
  const send = session.send.bind(session) as unknown as Send;
  const on = session.on.bind(session) as unknown as (
    name: string,
    listener: (event: { readonly sessionId: string; readonly message: string }) => void,
  ) => void;
  const { browserContextId } = await send('Target.createBrowserContext');

  /** A tab, in front of the others. */
  const open = async (url: string) => {
    const { targetId } = await send('Target.createTarget', { url, browserContextId });
    const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: false });
    await send('Target.activateTarget', { targetId });
    const waiting = new Map<number, (answer: Answer) => void>();
    let last = 0;
    on('Target.receivedMessageFromTarget', (event) => {
      if (event.sessionId !== sessionId) return;
      const answer = JSON.parse(event.message);
      waiting.get(answer.id)?.(answer);
    });
    const command = (method: string, params: object): Promise<Answer> =>
      new Promise((resolve) => {
        waiting.set(++last, resolve);
        void send('Target.sendMessageToTarget', { sessionId, message: JSON.stringify({ id: last, method, params }) });
      });
    const evaluate = async (expression: string): Promise<unknown> => {
      const params = { expression, awaitPromise: true, returnByValue: true };
      const { result } = await command('Runtime.evaluate', params);
      if (result?.exceptionDetails) throw new Error(result.exceptionDetails.exception?.description);
      return result?.result?.value;
    };
    const setState = (state: 'frozen' | 'active') => command('Page.setWebLifecycleState', { state });
    return { evaluate, setState };
  };
  return { open, close: () => send('Target.disposeBrowserContext', { browserContextId }) };
};

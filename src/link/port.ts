import { check } from '../shared/check.ts';
import type { LinkPort } from './types.ts';

// Each kind of port declares parameters of its own for its methods. All of them take what is passed here.
type Method = (...args: readonly unknown[]) => unknown;
type AnyPort = Readonly<Record<keyof LinkPort, Method | undefined>>;
type MaybeWindow = LinkPort & { readonly window?: unknown };

/**
 * The function that posts to a port.
 * @throws TypeError for a port that only listens
 */
export const postTo = (port: LinkPort): ((message: object) => void) => {
  const isClone = port?.postMessage;
  check('port', port, [isClone ? 'postMessage' : 'send']);
  return (message) => {
    const any = port as AnyPort;
    try {
      if (isClone) any.postMessage?.(message);
      // With a callback, a process that has ended emits no error. It writes JSON itself.
      else any.send?.(port.addEventListener ? JSON.stringify(message) : message, () => {});
    } catch (error) {
      // A closed BroadcastChannel throws, while other closed ports are silent.
      if (!isClone || (error as Error).name !== 'InvalidStateError') throw error;
    }
  };
};

/**
 * Calls back with each message of a port, until what it returns is called.
 * @throws TypeError for a port that only posts, and for a window
 */
export const listenTo = (port: MaybeWindow, take: (message: unknown) => void): (() => void) => {
  const isTarget = port?.addEventListener;
  const [add, remove] = isTarget ? (['addEventListener', 'removeEventListener'] as const) : (['on', 'off'] as const);
  // Any page that knows a window can post to it.
  check('port', port?.window === port ? undefined : port, [add, remove]);
  const listener = isTarget ? ({ data }: { readonly data: unknown }) => take(data) : take;
  (port as AnyPort)[add]?.('message', listener);
  port.start?.();
  return () => (port as AnyPort)[remove]?.('message', listener);
};

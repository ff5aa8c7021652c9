import { check } from '../shared/check.ts';
import type { LinkPort } from './types.ts';

// Each kind of port declares parameters of its own for its methods. All of them take what is passed here.
type Method = (...args: readonly unknown[]) => unknown;
type AnyPort = Readonly<Record<keyof LinkPort, Method | undefined>> & { readonly window?: unknown };

const ignore = () => {};

/**
 * How to post to a port and how to listen to it.
 * @throws TypeError for a port that cannot do what is needed, and for a window: any page that knows a window can post to it
 */
export const openPort = (given: LinkPort, isPosting: boolean, isListening: boolean) => {
  const port = given as AnyPort;
  const isTarget = port?.addEventListener;
  const isClone = port?.postMessage;
  const [add, remove] = isTarget ? (['addEventListener', 'removeEventListener'] as const) : (['on', 'off'] as const);
  const what = port?.window === given ? undefined : port;
  check('port', what, isPosting ? [isClone ? 'postMessage' : 'send'] : []);
  check('port', what, isListening ? [add, remove] : []);

  const post = (message: object): void => {
    try {
      if (isClone) port.postMessage?.(message);
      // With a callback, a process that has ended emits no error. It writes JSON itself.
      else port.send?.(isTarget ? JSON.stringify(message) : message, ignore);
    } catch (error) {
      // A closed BroadcastChannel throws, while other closed ports are silent.
      if (!isClone || Object(error).name !== 'InvalidStateError') throw error;
    }
  };
  const listen = (take: (message: unknown) => void): (() => void) => {
    const listener = isTarget ? ({ data }: { readonly data: unknown }) => take(data) : take;
    port[add]?.('message', listener);
    port.start?.();
    return () => port[remove]?.('message', listener);
  };
  return { post, listen };
};

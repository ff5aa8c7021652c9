import type { Unsubscribe } from '../bus/types.ts';
import { onAbort } from '../shared/abort.ts';
import { ABORT_SIGNAL, check, isObject, type KnownOptions, readOptions } from '../shared/check.ts';
import { toUnsubscribe } from '../shared/dispose.ts';
import type { LinkPort } from './types.ts';

/** The `MessagePort` of the platform. Where the compiler knows none, the part of it that a link needs. */
export type FramePort = typeof globalThis extends { readonly MessagePort: { readonly prototype: infer Port } }
  ? Port & ClosablePort
  : ClosablePort;

interface ClosablePort extends LinkPort {
  readonly close: () => void;
}

/** A `Window`, or the part of it that is needed to reach it. */
export interface FrameWindow {
  postMessage(message: unknown, targetOrigin: string, transfer?: never[]): void;
}

/** An `<iframe>`, or `{ contentWindow: popup }`. */
export interface Frame {
  readonly contentWindow: FrameWindow | null;
}

/** How long a frame asks for a port. */
export interface RequestPortOptions {
  /** The promise rejects with its reason when aborted. */
  readonly signal?: AbortSignal | undefined;
}

const REQUEST_OPTIONS: KnownOptions = { signal: ABORT_SIGNAL };

/** Milliseconds until a frame asks again: the page around it may load later than the frame. */
const ASK_AGAIN_MS = 100;

// What a frame says to the page around it, and what that answers.
const WANTED = 'mapbus port wanted';
const GIVEN = 'mapbus port';

/** A message between windows. */
interface WindowMessage {
  readonly origin: string;
  readonly source: unknown;
  readonly data: unknown;
  readonly ports: readonly FramePort[];
}

interface Page {
  addEventListener(type: 'message', listener: (message: WindowMessage) => void): void;
  removeEventListener(type: 'message', listener: (message: WindowMessage) => void): void;
}

/** @throws TypeError unless it is the origin of one site, as browsers write it */
const checkOrigin = (origin: string): void => {
  let exact: string | undefined;
  try {
    ({ origin: exact } = new URL(origin));
  } catch {
    // A pattern, or nothing.
  }
  // The origin of many a frame is `null`.
  if (exact !== origin || exact === 'null')
    throw new TypeError(`[mapbus] origin: expected one like https://pay.example, got ${JSON.stringify(origin)}`);
};

/** Calls back with what one window of one origin says. Each request has a number of its own. */
const hear = (
  sender: () => unknown,
  origin: string,
  said: string,
  take: (request: number, port: FramePort | undefined) => void,
): (() => void) => {
  const page = globalThis as unknown as Page;
  const listener = ({ origin: from, source, data, ports }: WindowMessage): void => {
    if (from !== origin || !isObject(source) || source !== sender() || !isObject(data)) return;
    const request: unknown = Reflect.get(data, said);
    if (typeof request === 'number') take(request, ports[0]);
  };
  page.addEventListener('message', listener);
  return () => page.removeEventListener('message', listener);
};

const post = (to: FrameWindow | null, said: string, request: number, origin: string, ports: unknown[] = []): void =>
  to?.postMessage({ [said]: request }, origin, ports as never[]);

/**
 * Gives a frame of another origin a port, when its document asks with `requestPort`. The frame is given another one when
 * it has loaded again; the former port is closed then. Only a frame that has this origin gets one.
 * @param origin the exact origin of the frame, such as `https://pay.example`
 * @param take gets the port at this end. If it returns a function, as `link` does, that is called when the port is closed.
 * @returns a function that ends the offer and closes the port
 * @throws TypeError for a bad argument
 * @example
 * offerPort(iframe, 'https://pay.example', (port) => link(bus, port, { send: ['pay'], receive: ['paid'] }));
 */
export const offerPort = (frame: Frame, origin: string, take: (port: FramePort) => unknown): Unsubscribe => {
  check('frame', frame, 'object');
  checkOrigin(origin);
  check('take', take, 'function');
  let latest: number | undefined;
  let end = () => {};
  const stop = hear(
    () => frame.contentWindow,
    origin,
    WANTED,
    (request) => {
      // It has asked more than once before the first answer came.
      if (request === latest) return;
      latest = request;
      end();
      const { port1, port2 } = new MessageChannel();
      const port = port1 as unknown as FramePort;
      const unlink = take(port);
      end = () => {
        if (typeof unlink === 'function') unlink();
        port.close();
      };
      post(frame.contentWindow, GIVEN, request, origin, [port2]);
    },
  );
  return toUnsubscribe(() => {
    stop();
    end();
    end = () => {};
  });
};

/**
 * Asks the page around this frame for a port, until that answers. A document asks once: a second request gets another port,
 * and the first port is closed.
 * @param parent the window to ask: `parent`, or `opener` in a popup
 * @param origin its exact origin, such as `https://shop.example`
 * @throws TypeError for a bad argument, at once; the promise rejects with the reason of `signal`
 * @example
 * link(bus, await requestPort(parent, 'https://shop.example'), { send: ['paid'], receive: ['pay'] });
 */
export const requestPort = (
  parent: FrameWindow,
  origin: string,
  options: RequestPortOptions = {},
): Promise<FramePort> => {
  check('parent', parent, 'object');
  checkOrigin(origin);
  const { signal } = readOptions('requestPort options', options, REQUEST_OPTIONS);
  if (signal?.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const own = Math.random();
    const ask = () => post(parent, WANTED, own, origin);
    const timer = setInterval(ask, ASK_AGAIN_MS);
    const end = () => {
      clearInterval(timer);
      stop();
      stopListening?.();
    };
    const stop = hear(
      () => parent,
      origin,
      GIVEN,
      (request, port) => {
        if (request !== own || !port) return;
        end();
        resolve(port);
      },
    );
    const stopListening =
      signal &&
      onAbort(signal, () => {
        end();
        reject(signal.reason);
      });
    ask();
  });
};

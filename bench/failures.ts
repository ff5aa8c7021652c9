// What becomes of the other handlers and of the publisher when the first of three handlers fails.
import type { Emitter, Handler } from './contenders.ts';

const throwing: Handler = () => {
  throw new Error('no');
};
const rejecting: Handler = async () => {
  throw new Error('no');
};

const attempt = async ({ subscribe, publish, publishAwaited }: Emitter, failing: Handler): Promise<string> => {
  let calls = 0;
  subscribe('event', failing);
  // Two functions, since some emitters take equal ones for one.
  for (let index = 0; index < 2; index++) subscribe('event', () => void calls++);
  const crashes: unknown[] = [];
  const onCrash = (error: unknown) => void crashes.push(error);
  process.on('unhandledRejection', onCrash).on('uncaughtException', onCrash);
  let publisher = 'gets no error';
  try {
    await (publishAwaited ?? publish)?.('event', { value: 1 });
  } catch {
    publisher = 'gets the error';
  }
  await new Promise((resolve) => setTimeout(resolve, 20));
  process.off('unhandledRejection', onCrash).off('uncaughtException', onCrash);
  const others = calls === 2 ? 'run' : 'do not run';
  return `others ${others}, publisher ${publisher}${crashes.length > 0 ? ', process crashes' : ''}`;
};

/** When a handler throws, and when a handler rejects. */
export const tryFailures = async (create: () => Emitter): Promise<readonly string[]> => [
  await attempt(create(), throwing),
  await attempt(create(), rejecting),
];

// What becomes of the other handlers and of the publisher when the first of three handlers fails, tried on every peer.
import type { Contender, Handler } from './contenders.ts';

const throwing: Handler = () => {
  throw new Error('no');
};
const rejecting: Handler = async () => {
  throw new Error('no');
};

const attempt = async ({ create }: Contender, failing: Handler) => {
  const { subscribe, publish, publishAwaited } = create();
  let calls = 0;
  subscribe('event', failing);
  // Two functions, since some emitters take equal ones for one.
  for (let index = 0; index < 2; index++) subscribe('event', () => void calls++);
  const crashes: unknown[] = [];
  const onCrash = (error: unknown) => void crashes.push(error);
  process.on('unhandledRejection', onCrash).on('uncaughtException', onCrash);
  let publisher = 'spared';
  try {
    await (publishAwaited ?? publish)?.('event', { value: 1 });
  } catch {
    publisher = publishAwaited ? 'rejected' : 'thrown at';
  }
  await new Promise((resolve) => setTimeout(resolve, 20));
  process.off('unhandledRejection', onCrash).off('uncaughtException', onCrash);
  const others = calls === 2 ? 'run' : 'do not run';
  return `others ${others}, publisher ${publisher}${crashes.length > 0 ? ', process crashes' : ''}`;
};

/** One row for each contender. */
export const tryFailures = async (contenders: readonly Contender[]): Promise<string> => {
  const rows = [];
  for (const contender of contenders) {
    if (contender.name.startsWith('bare')) continue;
    const outcomes = [await attempt(contender, throwing), await attempt(contender, rejecting)];
    rows.push(`| ${contender.name} | ${outcomes.join(' | ')} |`);
  }
  return ['| | a handler throws | a handler rejects |', '|---|---|---|', ...rows].join('\n');
};

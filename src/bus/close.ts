import type { Activity } from '../shared/activity.ts';
import { readOptions } from '../shared/check.ts';
import { createError } from '../shared/errors.ts';
import type { AbortSignals } from './abort-signals.ts';
import type { WriteLog } from './log.ts';
import type { Registry } from './registry.ts';
import type { CloseOptions } from './types.ts';

const DRAIN_TIMEOUT_MS = 10_000;

interface Parts {
  readonly activity: Activity;
  readonly registry: Registry;
  readonly signals: AbortSignals;
  readonly log: WriteLog;
}

export const createClose = ({ activity, registry, signals, log }: Parts) => {
  const timers = new Set<ReturnType<typeof setTimeout>>();
  let closing: Promise<void> | undefined;
  let isClosed = false;
  let isTimeOver = false;
  let wake!: () => void;
  const timeIsOver = new Promise<void>((resolve) => {
    wake = resolve;
  });
  const stopWaiting = () => {
    isTimeOver = true;
    wake();
  };

  /** Waits until nothing runs, at most until the time is over. */
  const drain = async (): Promise<void> => {
    do await Promise.race([activity.idle(), timeIsOver]);
    while (
      // A handler may have started after `idle` resolved and before this line.
      activity.running() > 0 &&
      !isTimeOver
    );
    for (const timer of timers) clearTimeout(timer);
    isClosed = true;
    const running = activity.running();
    if (running > 0) {
      log('warn', 'event_bus_drain_timed_out', { running });
      signals.abortAll(createError('closed', 'The bus is closed', { name: 'AbortError' }));
    }
    registry.clear();
  };

  const close = (options: CloseOptions = {}): Promise<void> => {
    const known = { drainTimeoutMs: 'milliseconds' } as const;
    const { drainTimeoutMs = DRAIN_TIMEOUT_MS } = readOptions('close options', options, known);
    closing ??= drain();
    // Without a timer, so that a test with fake timers need not advance them.
    if (drainTimeoutMs === 0) stopWaiting();
    else if (!isClosed) timers.add(setTimeout(stopWaiting, drainTimeoutMs));
    return closing;
  };

  return { close, isClosing: () => closing !== undefined, isClosed: () => isClosed };
};

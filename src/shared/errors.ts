import type { EventBusError, EventBusErrorCode } from '../bus/types.ts';
import { isObject } from './check.ts';

export const createError = (code: EventBusErrorCode, message: string, cause?: unknown): EventBusError =>
  Object.assign(new Error(`[mapbus] ${message}`, cause === undefined ? {} : { cause }), { code });

// What is thrown may be anything, even a proxy that throws when touched.
export const describe = (error: unknown) => {
  try {
    const { name = typeof error, message = error } = Object(error);
    return { errorType: String(name), errorMessage: String(message) };
  } catch {
    return { errorType: typeof error, errorMessage: 'unreadable' };
  }
};

const ignore = () => {};
// Whoever broke the console does not want to know.
const complain = (error: unknown) =>
  guard(() => console.error('[mapbus] The logger or onFailure failed', error), ignore);

/** Calls what must not reach the publisher, a logger or `onFailure`. That it throws or rejects must not vanish either. */
export const guard = (call: () => unknown, failed = complain): void => {
  try {
    const returned = call();
    if (isObject(returned)) Promise.resolve(returned).catch(failed);
  } catch (error) {
    failed(error);
  }
};

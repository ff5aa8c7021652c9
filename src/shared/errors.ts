import type { EventBusError, EventBusErrorCode } from '../bus/types.ts';

const PREFIX = '[mapbus] ';

/** An error of the bus. Its name is `EventBusError`, or that of the platform: `TimeoutError`, `AbortError`. */
export const createError = (
  code: EventBusErrorCode,
  message: string,
  { cause, name = 'EventBusError' }: { readonly cause?: unknown; readonly name?: string } = {},
): EventBusError => {
  const error = new Error(PREFIX + message, cause === undefined ? {} : { cause });
  Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true });
  return Object.assign(error, { code });
};

/**
 * Whether a value is an error of the bus, and of this code if one is given. It knows the errors of every copy and version
 * of the package.
 * @example
 * if (isEventBusError(error, 'timeout')) retryLater();
 */
export const isEventBusError = <Code extends EventBusErrorCode = EventBusErrorCode>(
  error: unknown,
  code?: Code,
): error is EventBusError & { readonly code: Code } => {
  try {
    const { code: own, message } = error as EventBusError;
    return typeof own === 'string' && String(message).startsWith(PREFIX) && (code === undefined || own === code);
  } catch {
    // A thrown value may be anything: `null`, or a proxy that throws when it is read.
    return false;
  }
};

/** The type and the message of a thrown value, whatever it is. */
export const describeError = (error: unknown) => {
  try {
    const { name = typeof error, message = error } = Object(error);
    return { errorType: String(name), errorMessage: String(message) };
  } catch {
    return { errorType: typeof error, errorMessage: 'unreadable' };
  }
};

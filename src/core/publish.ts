import type { EventBusErrorCode, PublishOptions, PublishResult } from '../types.ts';
import { createError } from './check.ts';
import { applyOptions, createContext, createResult, NOTHING, type Signals } from './context.ts';
import type { Dispatch } from './dispatch.ts';
import type { Registry } from './registry.ts';
import type { Reporter } from './report.ts';

const NOTHING_HAPPENED: Promise<PublishResult> = Promise.resolve(NOTHING);

export const createPublish = (
  registry: Registry,
  reporter: Reporter,
  dispatch: Dispatch,
  signals: Signals,
  isClosed: () => boolean,
) => {
  const publishWith = (name: string, payload: unknown, options: PublishOptions = {}): Promise<PublishResult> => {
    const event = createContext(name, signals);
    const refuse = (code: EventBusErrorCode, message: string, cause?: unknown) => {
      const error = createError(code, `Cannot publish: ${message}`, cause);
      reporter.publishFailed(event, error);
      return Promise.resolve(Object.assign(createResult(event), { error }));
    };
    if (isClosed()) return refuse('closed', 'the bus is closed');
    if (typeof name !== 'string') return refuse('invalid_name', 'the event name must be a string');
    try {
      applyOptions(event, options);
    } catch (cause) {
      return refuse('invalid_options', 'an option is wrong', cause);
    }
    const list = registry.list(name);
    if (list.length > 0) return dispatch(list, payload, event);
    return options.id === undefined ? NOTHING_HAPPENED : Promise.resolve(createResult(event));
  };

  return (name: string, payload: unknown, options?: PublishOptions): Promise<PublishResult> => {
    if (options !== undefined || isClosed() || typeof name !== 'string') return publishWith(name, payload, options);
    const list = registry.list(name);
    return list.length === 0 ? NOTHING_HAPPENED : dispatch(list, payload, createContext(name, signals));
  };
};

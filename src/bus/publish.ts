import { createEvent, createResult, NOTHING } from './event.ts';
import type { BusParts } from './parts.ts';
import { findFault, refuse } from './refuse.ts';
import type { PublishOptions, PublishResult } from './types.ts';

const NOTHING_HAPPENED = Promise.resolve(NOTHING);

export const createPublish =
  ({ handlersOf, reporter, dispatch, signals }: Omit<BusParts, 'local'>, isClosed: () => boolean) =>
  (name: string, payload: unknown, options?: PublishOptions): Promise<PublishResult> => {
    const list = handlersOf(name);
    const isPlain = options === undefined && typeof name === 'string' && !isClosed();
    if (isPlain && list.length === 0) return NOTHING_HAPPENED;
    const event = createEvent(name, signals);
    const fault = isPlain ? undefined : findFault(event, isClosed(), options);
    if (fault) return Promise.resolve(refuse(reporter, event, fault));
    if (list.length > 0) return dispatch(list, payload, event);
    return options?.id === undefined ? NOTHING_HAPPENED : Promise.resolve(createResult(event));
  };

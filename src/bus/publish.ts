import { check, type KnownOptions, readOptions } from '../shared/check.ts';
import { createError, describeError } from '../shared/errors.ts';
import { whenSettled } from '../shared/promises.ts';
import type { Report } from '../shared/safe-call.ts';
import type { WriteLog } from './log.ts';
import { copyMetadata, mergeMetadata } from './metadata.ts';
import type { Observers } from './observers.ts';
import {
  createPublication,
  ERROR,
  ID,
  IS_LOCAL,
  METADATA,
  MOMENT,
  type Publication,
  type PublicationSource,
  SESSION,
  settle,
} from './publication.ts';
import type { Registry, Subscription } from './registry.ts';
import { MAX_DEPTH, type RunHandlers } from './run-handlers.ts';
import type { EventBusError, Metadata, PublishOptions, PublishResult } from './types.ts';

const KNOWN_OPTIONS: KnownOptions = {
  metadata: 'object of strings',
  session: 'anything',
  id: 'string that is not empty',
  occurredAt: 'valid date',
  from: 'object',
  local: 'boolean',
};

/** The context that a publish is made in. */
export type Parent = PublishOptions['from'];

/**
 * Creates the publication of an event and checks what may be published. Its `error` says why the event may not be.
 * @param parent is carried on if the options have no `from`
 */
export type Prepare = (
  name: string,
  options?: PublishOptions,
  observed?: readonly Metadata[],
  parent?: Parent,
) => Publication;

export interface PrepareParts {
  readonly source: PublicationSource;
  /** The option `metadata` of the bus. */
  readonly addMetadata: ((current: Metadata) => Metadata) | undefined;
  /** The metadata of the publish that runs the current code. */
  readonly currentMetadata: () => Metadata;
  readonly isClosed: () => boolean;
  readonly isTooDeep: () => boolean;
  readonly report: Report;
}

export const invalidOptions = (cause: unknown): EventBusError => {
  const reason = describeError(cause).errorMessage.replace('[mapbus] ', '');
  return createError('invalid_options', `Cannot publish: ${reason}`, { cause });
};

const ignore = () => {};

export const createPrepare = (parts: PrepareParts): Prepare => {
  const { source, addMetadata, currentMetadata, isClosed, isTooDeep, report } = parts;

  /** Copies metadata that the publisher did not pass. If it is bad, it is reported, and the event is published without it. */
  const copyAdded = (what: string, read: () => unknown): Metadata | undefined => {
    let metadata: unknown;
    try {
      metadata = read();
      return copyMetadata(what, metadata);
    } catch (error) {
      report(what, error);
      // A promise may reject. That must not be an unhandled rejection.
      whenSettled(metadata, ignore, ignore);
      return undefined;
    }
  };

  /** @throws TypeError for a bad option */
  const applyOptions = (publication: Publication, options: PublishOptions, parent: Parent): Metadata | undefined => {
    // A context fits the type, but its fields are getters of a prototype: it would be read as empty.
    check('publish options', options, 'plain object');
    const {
      metadata,
      session,
      id,
      occurredAt,
      from = parent,
      local,
    } = readOptions('publish options', options, KNOWN_OPTIONS);
    publication[SESSION] = session;
    if (local === false) publication[IS_LOCAL] = false;
    publication[ID] = id;
    if (occurredAt) publication[MOMENT] = { ...publication[MOMENT], now: Number(occurredAt.getTime()) };
    const carriedOn = from && copyMetadata('publish options.from.metadata', from.metadata);
    const read = addMetadata && (() => addMetadata(carriedOn ?? currentMetadata()));
    const inherited = (read && copyAdded('The option metadata', read)) ?? carriedOn;
    return mergeMetadata(inherited, metadata && copyMetadata('publish options.metadata', metadata));
  };

  return (name, options, observed, parent) => {
    const publication = createPublication(name, source);
    if (typeof name !== 'string') {
      publication[ERROR] = createError('invalid_name', 'Cannot publish: the event name must be a string');
    } else if (isClosed()) {
      publication[ERROR] = createError('closed', 'Cannot publish: the bus is closed');
    } else if (isTooDeep()) {
      publication[ERROR] = createError('too_deep', `Cannot publish: ${MAX_DEPTH} publishes are inside one another`);
    } else if (options !== undefined || addMetadata || observed || parent) {
      try {
        const metadata = applyOptions(publication, options === undefined ? {} : options, parent);
        const added = (observed ?? []).map((one) => copyAdded('The metadata of an observer', () => one));
        const all = added.reduce(mergeMetadata, metadata);
        if (all) publication[METADATA] = Object.freeze(all);
      } catch (cause) {
        publication[ERROR] = invalidOptions(cause);
      }
    }
    return publication;
  };
};

/** Ends a publish that is refused, and logs it. */
export const refuse = (publication: Publication, error: EventBusError, log: WriteLog): PublishResult => {
  publication[ERROR] = error;
  log('error', 'event_publish_failed', { eventName: publication.name, eventId: publication.id, error });
  return settle(publication);
};

interface Parts {
  readonly registry: Registry;
  readonly prepare: Prepare;
  readonly runHandlers: RunHandlers;
  readonly observers: Observers;
  readonly log: WriteLog;
}

export const createPublish = ({ registry, prepare, runHandlers, observers, log }: Parts) => {
  const { handlersOf } = registry;
  const { publish: observePublish } = observers;

  const start = (
    handlers: readonly Subscription[],
    name: string,
    payload: unknown,
    options: PublishOptions | undefined,
    observed?: readonly Metadata[],
  ): Promise<PublishResult> => {
    const publication = prepare(name, options, observed);
    const { error } = publication;
    if (error) return Promise.resolve(refuse(publication, error, log));
    return runHandlers(publication[IS_LOCAL] ? handlers : [], payload, publication);
  };

  return (name: string, payload: unknown, options?: PublishOptions): Promise<PublishResult> => {
    // Before observers and the option `metadata`, which may subscribe.
    const handlers = handlersOf(name);
    if (!observePublish) return start(handlers, name, payload, options);
    const event = Object.freeze({ name, payload, options, handlerCount: handlers.length });
    return observePublish(event, (added) => start(handlers, name, payload, options, added));
  };
};

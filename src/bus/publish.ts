import { checkOptions, type KnownOptions } from '../shared/check.ts';
import { createError, describeError } from '../shared/errors.ts';
import type { Report } from '../shared/safe-call.ts';
import type { WriteLog } from './log.ts';
import { copyMetadata } from './metadata.ts';
import type { Observers } from './observers.ts';
import {
  createPublication,
  ERROR,
  ID,
  METADATA,
  type Publication,
  type PublicationSource,
  SESSION,
  settle,
  TIME,
} from './publication.ts';
import type { Registry } from './registry.ts';
import type { RunHandlers } from './run-handlers.ts';
import type { EventBusError, Metadata, PublishOptions, PublishResult } from './types.ts';

const KNOWN_OPTIONS: KnownOptions = {
  metadata: 'object of strings',
  session: 'anything',
  id: 'string that is not empty',
  occurredAt: 'valid date',
  from: 'object',
  key: 'string',
};

/** Creates the publication of an event. Its `error` says why the event cannot be published. */
export type Prepare = (name: string, options?: PublishOptions, observed?: Metadata) => Publication;

export interface PrepareParts {
  readonly source: PublicationSource;
  /** The option `metadata` of the bus. */
  readonly addMetadata: ((current: Metadata) => Metadata) | undefined;
  /** The metadata of the publish that runs the current code. */
  readonly currentMetadata: () => Metadata;
  readonly isClosed: () => boolean;
  readonly report: Report;
}

export const invalidOptions = (cause: unknown): EventBusError => {
  const reason = describeError(cause).errorMessage.replace('[mapbus] ', '');
  return createError('invalid_options', `Cannot publish: ${reason}`, { cause });
};

export const createPrepare = ({ source, addMetadata, currentMetadata, isClosed, report }: PrepareParts): Prepare => {
  /** What is not the publisher's own: its faults are reported, and the event is published without it. */
  const copyForeign = (what: string, read: () => Metadata): Metadata | undefined => {
    try {
      return copyMetadata(what, read());
    } catch (error) {
      report(what, error);
      return undefined;
    }
  };
  const inherit = (from: PublishOptions['from'], add: (current: Metadata) => Metadata) =>
    copyForeign('The option metadata', () => add(from?.metadata ?? currentMetadata()));

  /** @throws TypeError for a bad option */
  const applyOptions = (publication: Publication, options: PublishOptions): Metadata => {
    checkOptions('publish options', options, KNOWN_OPTIONS);
    const { metadata, session, id, occurredAt, from } = options;
    publication[SESSION] = session;
    publication[ID] = id;
    if (occurredAt) publication[TIME] = occurredAt.getTime();
    const carriedOn = from && copyMetadata('publish options.from.metadata', from.metadata);
    const inherited = addMetadata ? inherit(from, addMetadata) : carriedOn;
    return { ...inherited, ...(metadata && copyMetadata('publish options.metadata', metadata)) };
  };

  return (name, options, observed) => {
    const publication = createPublication(name, source);
    if (typeof name !== 'string') {
      publication[ERROR] = createError('invalid_name', 'Cannot publish: the event name must be a string');
    } else if (isClosed()) {
      publication[ERROR] = createError('closed', 'Cannot publish: the bus is closed');
    } else if (options !== undefined || addMetadata || observed) {
      try {
        const metadata = applyOptions(publication, options === undefined ? {} : options);
        const added = observed && copyForeign('An observer (publish)', () => observed);
        publication[METADATA] = Object.freeze({ ...metadata, ...added });
      } catch (cause) {
        publication[ERROR] = invalidOptions(cause);
      }
    }
    return publication;
  };
};

/** Ends a publish that could not be made. */
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
    name: string,
    payload: unknown,
    options: PublishOptions | undefined,
    observed: Metadata | undefined,
  ): Promise<PublishResult> => {
    const publication = prepare(name, options, observed);
    const { error } = publication;
    if (error) return Promise.resolve(refuse(publication, error, log));
    return runHandlers(handlersOf(name), payload, publication);
  };

  return (name: string, payload: unknown, options?: PublishOptions): Promise<PublishResult> => {
    if (!observePublish) return start(name, payload, options, undefined);
    const handlerCount = handlersOf(name).length;
    return observePublish({ name, payload, options, handlerCount }, (added) => start(name, payload, options, added));
  };
};

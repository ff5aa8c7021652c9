import type { Log } from '../bus/log.ts';
import type { Observers } from '../bus/observers.ts';
import { ERROR, IS_LOCAL, type Publication, SESSION } from '../bus/publication.ts';
import { invalidOptions, type Parent, type Prepare, refuse } from '../bus/publish.ts';
import type { Registry } from '../bus/registry.ts';
import type { RunHandlers } from '../bus/run-handlers.ts';
import type { EventBusError, EventContext, Metadata, PublishOptions, PublishResult } from '../bus/types.ts';
import { createError, isEventBusError } from '../shared/errors.ts';
import type { Message } from '../transport/index.ts';
import type { Attempt } from './attempts.ts';
import { attemptOf, belongsTo } from './consumer-context.ts';
import type { Send, Sent } from './send.ts';
import { type createSessionTurns, sessionIn } from './session-turns.ts';
import type { Veto } from './veto.ts';

const notSent = (cause: unknown): EventBusError => {
  const error = isEventBusError(cause) && Object.isExtensible(cause) ? cause : invalidOptions(cause);
  return Object.assign(error, { outcome: error.outcome ?? 'not-sent' });
};

interface Parts {
  readonly prepare: Prepare;
  readonly handlersOf: Registry['handlersOf'];
  readonly runHandlers: RunHandlers;
  readonly observers: Observers;
  readonly log: Log;
  readonly currentContext: () => EventContext | undefined;
  readonly isClosed: () => boolean;
  readonly isSent: (name: string) => boolean;
  /** Whether a consumer of this process wants an event. */
  readonly isWanted: (name: string) => boolean;
  readonly toMessage: (publication: Publication, payload: unknown) => Message;
  readonly send: Send;
  readonly inTurn: ReturnType<typeof createSessionTurns>;
  readonly veto: Veto;
}

const sessionOf = (options: PublishOptions | undefined): unknown => {
  try {
    return options?.session;
  } catch {
    // Options that cannot be read are refused.
    return undefined;
  }
};

/** A publish that is refused has none yet. One that says nothing of a session below an attempt uses that of the attempt. */
const giveSession = (
  publication: Publication,
  given: PublishOptions | undefined,
  attempt: Attempt | undefined,
): void => {
  if (publication[SESSION] !== undefined || !(publication.error || attempt)) return;
  const session = sessionOf(given);
  publication[SESSION] = session === undefined ? attempt?.session() : session;
};

/** `publish` of a service bus: runs the handlers of this process, and gives the event to the transport. */
export const createServicePublish = (parts: Parts) => {
  const { prepare, handlersOf, runHandlers, log, currentContext, isClosed, isSent, isWanted } = parts;
  const { toMessage, send, inTurn, veto } = parts;
  const warned = new Set<string>();

  /** Once for each name. */
  const warnOnce = (line: string, eventName: string, eventId: string): void => {
    const key = `${line} ${eventName}`;
    if (warned.has(key)) return;
    warned.add(key);
    log.write('warn', line, { eventName, eventId });
  };

  const afterSending = (publication: Publication, { error, unrouted }: Sent): PublishResult => {
    const { name, id } = publication;
    if (unrouted) warnOnce('event_unrouted', name, id);
    if (!error) return publication;
    publication[ERROR] = error;
    log.write('error', 'event_publish_failed', { eventName: name, eventId: id, error });
    return publication;
  };

  /** The transaction must not commit without the event. */
  const refuseAndVeto = async (publication: Publication, cause: unknown): Promise<PublishResult> => {
    const error = notSent(cause);
    const { name } = publication;
    if (isSent(name)) await veto(sessionIn(publication), name, error);
    return refuse(publication, error, log.write);
  };

  const refuseInTurn = (publication: Publication, parent: Parent, cause: unknown): Promise<PublishResult> => {
    const end = () => refuseAndVeto(publication, cause);
    return inTurn(sessionIn(publication), parent, end, end);
  };

  const sendAndRun = (
    publication: Publication,
    payload: unknown,
    message: Message,
    isLocal: boolean,
    session: unknown,
  ): Promise<PublishResult> => {
    const handlers = isLocal ? handlersOf(message.name) : [];
    const running = runHandlers(handlers, payload, publication);
    // With a session the handlers go first: one that rolls a savepoint back must not take the event with it.
    if (session !== undefined)
      return running.then(() =>
        send(message, session, async (sent) => {
          if (sent.error) await veto(session, message.name, sent.error);
          return afterSending(publication, sent);
        }),
      );
    const ended = (sent: Sent) => {
      const after = () => afterSending(publication, sent);
      return handlers.length === 0 ? after() : running.then(after);
    };
    return send(message, undefined, ended);
  };

  const parentOf = (given: PublishOptions | undefined): Parent => {
    if (given === undefined) return currentContext();
    try {
      const context = given.from ?? currentContext();
      attemptOf(context);
      return context;
    } catch {
      // Options that cannot be read are refused soon.
      return undefined;
    }
  };

  const start = (
    name: string,
    payload: unknown,
    given: PublishOptions | undefined,
    observed?: readonly Metadata[],
  ): Promise<PublishResult> => {
    const parent = parentOf(given);
    // `from` may be something else than the context of the attempt.
    const attempt = attemptOf(parent) ?? (given && attemptOf(currentContext()));
    const publication = prepare(name, given, observed, attempt && parent);
    if (attempt) belongsTo(publication, attempt);
    giveSession(publication, given, attempt);
    const publishing = startPrepared(publication, name, payload, parent);
    attempt?.follow(publishing);
    return publishing;
  };

  const startPrepared = (
    publication: Publication,
    name: string,
    payload: unknown,
    parent: Parent,
  ): Promise<PublishResult> => {
    const { error } = publication;
    if (error) return refuseInTurn(publication, parent, error);
    const isLocal = publication[IS_LOCAL];
    if (!isSent(name) && isWanted(name)) warnOnce('event_not_sent', name, publication.id);
    if (!isSent(name)) return runHandlers(isLocal ? handlersOf(name) : [], payload, publication);
    let message: Message;
    try {
      message = toMessage(publication, payload);
    } catch (cause) {
      return refuseInTurn(publication, parent, cause);
    }
    const session = sessionIn(publication);
    const run = (): Promise<PublishResult> => {
      if (!isClosed()) return sendAndRun(publication, payload, message, isLocal, session);
      const closed = createError('closed', 'Cannot publish: the bus was closed before its turn came');
      return refuseAndVeto(publication, closed);
    };
    const tooLate = (late: EventBusError) => refuseAndVeto(publication, late);
    return inTurn(session, parent, run, tooLate);
  };

  const { publish: observePublish } = parts.observers;
  return (name: string, payload: unknown, given?: PublishOptions): Promise<PublishResult> => {
    if (!observePublish) return start(name, payload, given);
    const seen = { name, payload, options: given, handlerCount: handlersOf(name).length };
    return observePublish(seen, (added) => start(name, payload, given, added));
  };
};

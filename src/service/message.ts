import { Buffer } from 'node:buffer';
import { MOMENT, type Publication } from '../bus/publication.ts';
import type { Metadata } from '../bus/types.ts';
import { check, isObject } from '../shared/check.ts';
import { createError } from '../shared/errors.ts';
import { whenSettled } from '../shared/promises.ts';
import type { Connection, Message } from '../transport/index.ts';
import { createSeal } from './envelope.ts';
import { sessionIn } from './session-turns.ts';

// The years 0 to 9999 of RFC 3339, in milliseconds since 1970.
const FIRST_TIME = Date.parse('0000-01-01T00:00:00.000Z');
const LAST_TIME = Date.parse('9999-12-31T23:59:59.999Z');

const NO_HEADERS: Message['headers'] = Object.freeze({});
const headersOf = ({ traceparent, tracestate }: Metadata): Message['headers'] => {
  if (traceparent === undefined && tracestate === undefined) return NO_HEADERS;
  return { ...(traceparent !== undefined && { traceparent }), ...(tracestate !== undefined && { tracestate }) };
};

const ignore = () => {};

interface Parts {
  readonly connection: Connection;
  readonly source: string;
  /** The option `keys`. */
  readonly keys: ReadonlyMap<string, (payload: unknown) => unknown>;
  readonly maxEventBytes: number;
  /** Why no more can be sent now. */
  readonly refusal: () => Error | undefined;
}

/** Makes of a publish what goes to the transport. */
export const createToMessage = ({ connection, source, keys, maxEventBytes, refusal }: Parts) => {
  const seal = createSeal(source);

  const keyOf = (name: string, payload: unknown): string | undefined => {
    const toKey = keys.get(name);
    if (!toKey) return undefined;
    const key = toKey(payload);
    // A promise is refused, and its rejection must not end the process.
    if (isObject(key)) whenSettled(key, ignore, ignore);
    check(`The key of ${name}`, key, 'string');
    return key as string;
  };

  /** @throws an error that says why the event cannot go to the transport */
  return (publication: Publication, payload: unknown): Message => {
    const session = sessionIn(publication);
    const { name, id } = publication;
    const refused = connection.refuseName?.(name) ?? (name === '' ? 'expected a name that is not empty' : undefined);
    if (refused) throw createError('invalid_name', `Cannot publish: ${refused}`);
    if (session !== undefined && !connection.features.enlists) {
      const text = `Cannot publish ${name} with a session: this transport cannot insert into it. Use outbox(…) of mapbus/postgres, or leave ${name} out of sends`;
      throw createError('session_unsupported', text);
    }
    const wrongSession = session === undefined ? undefined : connection.refuseSession?.(session);
    if (wrongSession) throw createError('session_unsupported', `Cannot publish ${name}: ${wrongSession}`);
    const full = refusal();
    if (full) throw full;
    const { now } = publication[MOMENT];
    if (!(now >= FIRST_TIME && now <= LAST_TIME))
      throw createError('invalid_options', 'Cannot publish: occurredAt is outside the years 0 to 9999 of RFC 3339');
    const key = keyOf(name, payload);
    const body = seal(publication, now, payload, key);
    const bytes = Buffer.byteLength(body);
    if (bytes > maxEventBytes)
      throw createError(
        'too_large',
        `Cannot publish: ${name} has ${bytes} bytes, and maxEventBytes is ${maxEventBytes}`,
      );
    return { name, id, source, body, key, headers: headersOf(publication.metadata) };
  };
};

import { readFile } from 'node:fs/promises';
import { uuidv7 } from 'uuidv7';
import { createSeal, open } from '../service/envelope.ts';
import type { Connection, Message } from '../transport/index.ts';
import { EXIT } from './exit-codes.ts';
import { explain, usageError } from './failure.ts';
import { document, type Io, line } from './io.ts';
import { plain } from './plain.ts';

export interface PublishOptions {
  /** The name of the event; `undefined` if the input is a whole CloudEvent. */
  readonly name: string | undefined;
  readonly cloudEvent: boolean;
  readonly key: string | undefined;
  readonly id: string | undefined;
  readonly source: string;
}

/** The text of a file, or of standard input. */
export const readEvent = async (io: Io, file: string | undefined): Promise<string> => {
  if (file !== undefined && file !== '-') {
    try {
      return await readFile(file, 'utf8');
    } catch (error) {
      throw usageError(`publish: cannot read ${file}: ${explain(error)}`);
    }
  }
  if (io.inIsTerminal) io.err('Reading the event from standard input. Ctrl-D ends it.\n');
  return io.readInput();
};

const toPayload = (text: string): unknown => {
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw usageError(`publish: expected a payload in JSON: ${explain(error)}`);
  }
};

/** An event that is whole already goes on byte for byte. */
const wholeMessage = (body: string, { key, id, name }: PublishOptions): Message => {
  if (name !== undefined || id !== undefined || key !== undefined)
    throw usageError('publish --cloud-event: expected no name, no --id and no --key: the event has its own');
  const event = open(body);
  if ('reason' in event) throw usageError(`publish --cloud-event: ${event.message}`);
  const { traceparent, tracestate } = event.metadata;
  const headers = {
    ...(traceparent !== undefined && { traceparent }),
    ...(tracestate !== undefined && { tracestate }),
  };
  return { name: event.name, id: event.id, source: event.source, body, key: event.key, headers };
};

const newMessage = (text: string, { name, key, id = uuidv7(), source }: PublishOptions): Message => {
  if (name === undefined || name === '') throw usageError('publish: expected the name of the event');
  for (const [option, text] of Object.entries({ id, key }))
    if (text === '') throw usageError(`publish --${option}: expected a text that is not empty`);
  const body = createSeal(source)({ name, id, metadata: {} }, Date.now(), toPayload(text), key);
  return { name, id, source, body, key, headers: {} };
};

/** The event that is to be published. @throws an error for what is no event */
export const toMessage = (text: string, options: PublishOptions): Message =>
  options.cloudEvent ? wholeMessage(text, options) : newMessage(text, options);

export const publish = async (io: Io, connection: Connection, message: Message, json: boolean): Promise<number> => {
  const { name, id } = message;
  const refusal = connection.refuseName?.(name);
  if (refusal) throw usageError(`publish: ${refusal}`);
  const { unrouted = false } = await connection.publish(message, {
    signal: AbortSignal.timeout(10_000),
    session: undefined,
  });
  if (unrouted) io.err('No consumer gets it.\n');
  if (json) await document(io, { name, id, unrouted });
  else await line(io, plain(`Published: ${name} ${id}`));
  return EXIT.done;
};

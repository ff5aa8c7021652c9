import { open } from '../service/envelope.ts';
import type { Connection } from '../transport/index.ts';
import { codeOfStop, EXIT } from './exit-codes.ts';
import { isPattern, toMatcher } from './filter.ts';
import { type Io, line } from './io.ts';
import { operatorOf } from './open.ts';
import { cut, plain, toJson } from './plain.ts';

export interface TailOptions {
  readonly limit: number | undefined;
  readonly json: boolean;
  /** Called when each event from now on is shown. */
  readonly listening: () => void;
}

const textOf = (body: string | Uint8Array): string =>
  typeof body === 'string' ? body : new TextDecoder().decode(body);

/** One event in one line. */
const shown = ({ outIsTerminal, columns }: Io, body: string | Uint8Array): string => {
  const event = open(body);
  const text =
    'reason' in event
      ? `${event.reason}: ${textOf(body)}`
      : `${event.occurredAt.toISOString()} ${event.name} ${event.id} ${JSON.stringify(event.payload) ?? ''}`.trimEnd();
  return outIsTerminal ? cut(plain(text), columns) : plain(text);
};

/** Each event is one line, also if its publisher has put it on several. */
const asJson = (body: string | Uint8Array): string => {
  const text = textOf(body);
  try {
    return toJson(JSON.parse(text)) ?? text;
  } catch {
    return toJson(text) ?? text;
  }
};

/** Shows events as they pass, until it is stopped or has shown enough. */
export const tail = async (
  io: Io,
  connection: Connection,
  names: readonly string[],
  { limit = Number.POSITIVE_INFINITY, json, listening }: TailOptions,
): Promise<number> => {
  const isOfPatterns = names.length === 0 || names.some(isPattern);
  const wanted = isOfPatterns ? toMatcher(names.length === 0 ? ['*'] : names) : names;
  let written: Promise<unknown> = Promise.resolve();
  let seen = 0;
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const tell = (body: string | Uint8Array): void => {
    if (seen >= limit) return;
    seen++;
    written = line(io, json ? asJson(body) : shown(io, body));
    if (seen >= limit) end();
  };
  const receiving = await operatorOf(connection).tail(wanted, tell);
  io.stopped.addEventListener('abort', end);
  if (io.stopped.aborted) end();
  listening();
  io.err('Listening. Ctrl-C ends.\n');
  await ended;
  await receiving.stop();
  await written;
  return codeOfStop(io.stopped) ?? EXIT.done;
};

import type { Metadata } from 'mapbus';
import { eventStream } from 'mapbus/sse';
import { onTestFinished } from 'vitest';
import { createLoggedBus } from '../support.ts';

/** What an `EventSource` makes of a stream. */
export interface Seen {
  /** The payloads of the events. */
  readonly payloads: unknown[];
  /** All that was sent. */
  text: string;
  gaps: number;
  lastEventId: string;
  isEnded: boolean;
}

export const createSeen = (): Seen => ({ payloads: [], text: '', gaps: 0, lastEventId: '', isEnded: false });

/** Takes in what has come. Blocks that are not complete are returned. */
export const takeIn = (seen: Seen, rest: string, chunk: string): string => {
  seen.text += chunk;
  const blocks = (rest + chunk).split('\n\n');
  const open = blocks.pop() ?? '';
  for (const block of blocks) {
    const fields = new Map(block.split('\n').map((line) => line.split(/: (.*)/s) as [string, string]));
    seen.lastEventId = fields.get('id') ?? seen.lastEventId;
    if (fields.get('event') === 'gap') seen.gaps++;
    else if (fields.has('data') && !fields.has('event')) seen.payloads.push(JSON.parse(fields.get('data') ?? '').data);
  }
  return open;
};

/** Reads a response, until its end or until `until` holds. */
export const read = async (response: Response, until: (seen: Seen) => boolean = () => false): Promise<Seen> => {
  const seen = createSeen();
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  while (!until(seen)) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    if (done) {
      seen.isEnded = true;
      return seen;
    }
    rest = takeIn(seen, rest, value);
  }
  await reader?.cancel();
  return seen;
};

export const request = (lastEventId?: string, init: RequestInit = {}): Request =>
  new Request('https://shop.example/events', {
    ...init,
    headers: lastEventId === undefined ? {} : { 'last-event-id': lastEventId },
  });

export const everyone = (): boolean => true;

/** A bus and a stream of its pings and pongs, which is closed after the test. */
export const createStream = (options: object = {}) => {
  const { bus, close, ...rest } = createLoggedBus({ logPublish: () => false });
  const logged = (line: string): readonly { readonly fields: Record<string, unknown> }[] => rest.logged(line);
  const stream = eventStream(bus, { events: ['ping', 'pong'], ...options });
  onTestFinished(() => stream.close());
  const ping = (value: number, metadata?: Metadata) =>
    bus.publish('ping', { value }, metadata === undefined ? {} : { metadata });
  return { bus, logged, closeBus: close, stream, ping };
};

/** The last id that a browser has before its first event. */
export const firstId = async (stream: ReturnType<typeof createStream>['stream']): Promise<string> =>
  (await read(stream.respond(request(), everyone), ({ lastEventId }) => lastEventId !== '')).lastEventId;

import type { EventContext, Metadata } from '../bus/types.ts';
import { isObject } from '../shared/check.ts';
import { serialize } from './serialize.ts';

// CloudEvents 1.0, JSON event format (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md).
// Names of extensions are lower-case letters and digits and their values no objects, so all metadata is one string.

/** What an envelope brings, or why it is none. */
export type Opened =
  | {
      readonly name: string;
      readonly id: string;
      readonly occurredAt: Date;
      readonly metadata: Metadata | undefined;
      readonly payload: unknown;
      readonly key: string | undefined;
    }
  | { readonly reason: 'undecodable' | 'not_cloudevent'; readonly message: string };

type Attributes = Partial<Record<string, unknown>>;

/** Creates a value at its first use. */
const createOnce = <Value>(create: () => Value) => {
  let value: Value | undefined;
  return (): Value => {
    value ??= create();
    return value;
  };
};
// One of each for all events, since to create one costs more than to use it. Not at import: jsdom has neither of them.
const encoder = createOnce(() => new TextEncoder());
const decoder = createOnce(() => new TextDecoder('utf-8', { fatal: true }));

const BLOCK_BYTES = 65_536;
let block = new Uint8Array(BLOCK_BYTES);
let used = 0;

/** Into a block that many share: one of its own for each event costs more than all the rest of the envelope. */
const encode = (text: string): Uint8Array => {
  const mostBytes = text.length * 3;
  if (mostBytes > BLOCK_BYTES / 4) return encoder().encode(text);
  if (used + mostBytes > BLOCK_BYTES) {
    block = new Uint8Array(BLOCK_BYTES);
    used = 0;
  }
  const { written } = encoder().encodeInto(text, block.subarray(used));
  const bytes = block.subarray(used, used + written);
  used += written;
  return bytes;
};

/** Many events share their millisecond, and a time costs a tenth of an envelope, to write as well as to read. */
const rememberLast = <Input, Output>(convert: (input: Input) => Output) => {
  let last: { readonly input: Input; readonly output: Output } | undefined;
  return (input: Input): Output => {
    if (!last || last.input !== input) last = { input, output: convert(input) };
    return last.output;
  };
};
const writeTime = rememberLast((at: number) => new Date(at).toISOString());
const readTime = rememberLast((text: string) => Date.parse(text));

/**
 * An event as a CloudEvent in structured JSON.
 * @throws an error with the code `not_serializable`
 */
export const seal = (
  { name, id, occurredAt, metadata }: EventContext,
  payload: unknown,
  source: string,
  key: string | undefined,
): Uint8Array => {
  const { traceparent, tracestate } = metadata;
  const json = serialize({
    specversion: '1.0',
    id,
    source,
    type: name,
    time: writeTime(occurredAt.getTime()),
    datacontenttype: 'application/json',
    traceparent,
    tracestate,
    metadata: Object.keys(metadata).length > 0 ? JSON.stringify(metadata) : undefined,
    partitionkey: key,
    data: payload,
  });
  return encode(json);
};

const isMetadata = (value: unknown): value is Metadata =>
  isObject(value) && Object.values(value).every((entry) => typeof entry === 'string');

const openMetadata = ({ metadata: json, traceparent, tracestate }: Attributes): Metadata | undefined => {
  if (json === undefined && traceparent === undefined && tracestate === undefined) return undefined;
  const trace = {
    ...(typeof traceparent === 'string' && { traceparent }),
    ...(typeof tracestate === 'string' && { tracestate }),
  };
  // Not left to the parser, whose error for every event without metadata showed in the profile.
  if (typeof json !== 'string') return trace;
  try {
    const metadata: unknown = JSON.parse(json);
    return isMetadata(metadata) ? { ...trace, ...metadata } : trace;
  } catch {
    // Another producer's, who may mean something else by that name.
    return trace;
  }
};

const parse = (body: Uint8Array): unknown => {
  try {
    return JSON.parse(decoder().decode(body));
  } catch {
    return undefined;
  }
};

const isAttributes = (value: unknown): value is Attributes => isObject(value);

/** Reads what has arrived, which is not trusted. */
export const open = (body: Uint8Array): Opened => {
  const parsed = parse(body);
  if (parsed === undefined) return { reason: 'undecodable', message: 'The body is not JSON' };
  if (!isAttributes(parsed)) return { reason: 'not_cloudevent', message: 'The body is not a JSON object' };
  const { specversion, id, source, type, time, data, partitionkey } = parsed;
  if (specversion !== '1.0') return { reason: 'not_cloudevent', message: 'specversion is not 1.0' };
  if (typeof type !== 'string' || type === '') return { reason: 'not_cloudevent', message: 'type is missing' };
  if (typeof id !== 'string' || id === '') return { reason: 'not_cloudevent', message: 'id is missing' };
  if (typeof source !== 'string' || source === '') return { reason: 'not_cloudevent', message: 'source is missing' };
  const occurredAt = new Date(typeof time === 'string' ? readTime(time) : Date.now());
  if (Number.isNaN(occurredAt.getTime())) return { reason: 'not_cloudevent', message: 'time is no timestamp' };
  const key = typeof partitionkey === 'string' ? partitionkey : undefined;
  return { name: type, id, occurredAt, metadata: openMetadata(parsed), payload: data, key };
};

import { createMetadata, NO_METADATA } from '../bus/metadata.ts';
import type { Metadata } from '../bus/types.ts';
import { isObject } from '../shared/check.ts';
import { describeError } from '../shared/errors.ts';
import { serialize } from './serialize.ts';

// CloudEvents 1.0.2, JSON event format (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md).
// Names of extensions are lower-case letters and digits and their values are no objects, so metadata is one string.

/** An event as it arrives. */
export interface ReceivedEnvelope {
  readonly name: string;
  readonly id: string;
  readonly source: string;
  readonly occurredAt: Date;
  readonly metadata: Metadata;
  readonly payload: unknown;
  readonly key: string | undefined;
}

/** Why a body is no event. */
export interface EnvelopeFault {
  readonly reason: 'undecodable' | 'not_cloudevent';
  readonly message: string;
}

interface EventFields {
  readonly name: string;
  readonly id: string;
  readonly metadata: Metadata;
}

const remember = <Input, Output>(convert: (input: Input) => Output) => {
  let last: { readonly input: Input; readonly output: Output } | undefined;
  return (input: Input): Output => {
    if (last?.input !== input) last = { input, output: convert(input) };
    return last?.output as Output;
  };
};

/** Writes events as CloudEvents. What many events share is written once: the name, the source and the millisecond. */
export const createSeal = (source: string) => {
  const sourceJson = JSON.stringify(source);
  const nameJson = remember((name: string) => JSON.stringify(name));
  const time = remember((at: number) => new Date(at).toISOString());

  /** @throws an error with the code `not_serializable` */
  return ({ name, id, metadata }: EventFields, at: number, payload: unknown, key: string | undefined): string => {
    const data = serialize(payload);
    const { traceparent, tracestate } = metadata;
    const head = `{"specversion":"1.0","id":${JSON.stringify(id)},"source":${sourceJson},"type":${nameJson(name)}`;
    const about = `,"time":"${time(at)}","datacontenttype":"application/json"`;
    let extensions = '';
    if (traceparent !== undefined) extensions += `,"traceparent":${JSON.stringify(traceparent)}`;
    if (tracestate !== undefined) extensions += `,"tracestate":${JSON.stringify(tracestate)}`;
    if (Object.keys(metadata).length > 0) extensions += `,"metadata":${JSON.stringify(JSON.stringify(metadata))}`;
    if (key !== undefined) extensions += `,"partitionkey":${JSON.stringify(key)}`;
    return `${head}${about}${extensions}${data === undefined ? '' : `,"data":${data}`}}`;
  };
};

type Attributes = Partial<Record<string, unknown>>;

const isMetadata = (value: unknown): value is Metadata =>
  isObject(value) && !Array.isArray(value) && Object.values(value).every((entry) => typeof entry === 'string');

/** Metadata, or nothing for that of another producer, who may mean something else by the name. */
const readMetadata = (json: unknown): Metadata | undefined => {
  if (typeof json !== 'string') return undefined;
  try {
    const metadata: unknown = JSON.parse(json);
    return isMetadata(metadata) ? metadata : undefined;
  } catch {
    return undefined;
  }
};

const openMetadata = ({ metadata: json, traceparent, tracestate }: Attributes): Metadata => {
  const metadata = createMetadata();
  if (typeof traceparent === 'string') metadata.traceparent = traceparent;
  if (typeof tracestate === 'string') metadata.tracestate = tracestate;
  return Object.freeze(Object.assign(metadata, readMetadata(json)));
};

let decoder: InstanceType<typeof TextDecoder> | undefined;
const toText = (body: string | Uint8Array): string => {
  if (typeof body === 'string') return body;
  decoder ??= new TextDecoder('utf-8', { fatal: true });
  return decoder.decode(body);
};

const fromBase64 = (text: string): Uint8Array => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

const readTime = remember((text: string) => Date.parse(text));

const notCloudEvent = (message: string): EnvelopeFault => ({ reason: 'not_cloudevent', message });

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

/** Binary mode of CloudEvents: the attributes are beside the body, and the body is the data. */
const readBinary = (body: string | Uint8Array, attributes: Readonly<Record<string, string>>): Attributes => {
  const type = attributes.datacontenttype ?? attributes['content-type'] ?? 'application/json';
  if (/^application\/(?:.+\+)?json\b/i.test(type)) {
    const text = toText(body);
    return { ...attributes, data: text === '' ? undefined : JSON.parse(text) };
  }
  return { ...attributes, data: type.startsWith('text/') ? toText(body) : body };
};

/**
 * Reads what has arrived, which is not trusted.
 * @param binary the attributes of an event in binary mode
 */
export const open = (
  body: string | Uint8Array,
  binary?: Readonly<Record<string, string>>,
): ReceivedEnvelope | EnvelopeFault => {
  let parsed: unknown;
  try {
    parsed = binary ? readBinary(body, binary) : JSON.parse(toText(body));
  } catch (error) {
    return { reason: 'undecodable', message: `The body is not JSON: ${describeError(error).errorMessage}` };
  }
  if (!isObject(parsed) || Array.isArray(parsed)) return notCloudEvent('The body is not a JSON object');
  const attributes = parsed as Attributes;
  const { specversion, id, source, type, time, data, data_base64: base64, partitionkey } = attributes;
  if (specversion !== '1.0') return notCloudEvent('specversion is not 1.0');
  if (!isText(type)) return notCloudEvent('type is missing');
  if (!isText(id)) return notCloudEvent('id is missing');
  if (!isText(source)) return notCloudEvent('source is missing');
  const at = typeof time === 'string' ? readTime(time) : Date.now();
  if (Number.isNaN(at)) return notCloudEvent('time is no timestamp');
  const hasMetadata =
    attributes.metadata !== undefined || attributes.traceparent !== undefined || attributes.tracestate !== undefined;
  let payload = data;
  if (typeof base64 === 'string') {
    try {
      payload = fromBase64(base64);
    } catch {
      return notCloudEvent('data_base64 is not base64');
    }
  }
  return {
    name: type,
    id,
    source,
    occurredAt: new Date(at),
    metadata: hasMetadata ? openMetadata(attributes) : NO_METADATA,
    payload,
    key: typeof partitionkey === 'string' ? partitionkey : undefined,
  };
};

import { isObject } from '../core/check.ts';
import type { EventContext, Metadata } from '../types.ts';
import { serialize } from './serialize.ts';

// CloudEvents 1.0, JSON event format (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md).
// Names of extensions are lower-case letters and digits and their values no objects, so all metadata is one string.

/** What an envelope brings, or why it is none. */
export type Opened =
  | {
      readonly name: string;
      readonly id: string;
      readonly occurredAt: Date;
      readonly metadata: Metadata;
      readonly payload: unknown;
      readonly key: string | undefined;
    }
  | { readonly reason: 'undecodable' | 'not_cloudevent'; readonly message: string };

const TRACE = ['traceparent', 'tracestate'];

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
  const attributes = {
    specversion: '1.0',
    id,
    source,
    type: name,
    time: occurredAt.toISOString(),
    datacontenttype: 'application/json',
    ...Object.fromEntries(Object.entries(metadata).filter(([extension]) => TRACE.includes(extension))),
    ...(Object.keys(metadata).length > 0 && { metadata: JSON.stringify(metadata) }),
    ...(key !== undefined && { partitionkey: key }),
  };
  const data = serialize(payload);
  const json = JSON.stringify(attributes);
  return new TextEncoder().encode(data === undefined ? json : `${json.slice(0, -1)},"data":${data}}`);
};

const isMetadata = (value: unknown): value is Metadata =>
  isObject(value) && Object.values(value).every((entry) => typeof entry === 'string');

const openMetadata = (attributes: Record<string, unknown>): Metadata => {
  const trace = Object.fromEntries(
    TRACE.flatMap((extension) => {
      const value = attributes[extension];
      return typeof value === 'string' ? [[extension, value]] : [];
    }),
  );
  // Not left to the parser, whose error for every event without metadata showed in the profile.
  if (typeof attributes.metadata !== 'string') return trace;
  try {
    const metadata: unknown = JSON.parse(attributes.metadata);
    return isMetadata(metadata) ? { ...trace, ...metadata } : trace;
  } catch {
    // Another producer's, who may mean something else by that name.
    return trace;
  }
};

const parse = (body: Uint8Array): unknown => {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
};

/** Reads what has arrived, which is not trusted. */
export const open = (body: Uint8Array): Opened => {
  const parsed = parse(body);
  if (parsed === undefined) return { reason: 'undecodable', message: 'The body is not JSON' };
  if (!isObject(parsed)) return { reason: 'not_cloudevent', message: 'The body is not a JSON object' };
  const attributes: Record<string, unknown> = { ...parsed };
  const { specversion, id, source, type, time, data, partitionkey } = attributes;
  if (specversion !== '1.0') return { reason: 'not_cloudevent', message: 'specversion is not 1.0' };
  if (typeof type !== 'string' || type === '') return { reason: 'not_cloudevent', message: 'type is missing' };
  if (typeof id !== 'string' || id === '') return { reason: 'not_cloudevent', message: 'id is missing' };
  if (typeof source !== 'string' || source === '') return { reason: 'not_cloudevent', message: 'source is missing' };
  const occurredAt = new Date(typeof time === 'string' ? time : Date.now());
  if (Number.isNaN(occurredAt.getTime())) return { reason: 'not_cloudevent', message: 'time is no timestamp' };
  const key = typeof partitionkey === 'string' ? partitionkey : undefined;
  return { name: type, id, occurredAt, metadata: openMetadata(attributes), payload: data, key };
};

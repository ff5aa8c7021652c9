import type { EventInfo } from '../bus/types.ts';

/** The `source` of what links and event streams send begins with this. */
export const SOURCE = '/mapbus/';

/** An event that leaves by a link or an event stream: a CloudEvent 1.0. */
export interface OutgoingEvent {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly time: string;
  /** How many links it has passed, with this one. */
  readonly hops: number;
  /** JSON, since the value of an extension attribute is no object. */
  readonly metadata?: string;
  readonly data: unknown;
}

export const toCloudEvent = (
  { name, id, occurredAt }: Pick<EventInfo, 'name' | 'id' | 'occurredAt'>,
  source: string,
  hops: number,
  data: unknown,
): OutgoingEvent => ({ specversion: '1.0', id, source, type: name, time: occurredAt.toISOString(), hops, data });

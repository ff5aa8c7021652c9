import { createEventBus, type Metadata, type PublishOptions, publishEvent } from 'mapbus';
import { expectType } from 'tsd';

interface AppEvents {
  flag: boolean;
  'cache.cleared': void;
}

const bus = createEventBus<AppEvents>();
const { publish, subscribe } = bus;

// A key that is not there reads as undefined, whatever the options of the compiler.
subscribe('flag', (_, { metadata }) => {
  expectType<string | undefined>(metadata.trace_id);
  // @ts-expect-error: possibly undefined
  metadata.trace_id.length;
  // @ts-expect-error: read-only
  metadata.trace_id = 'a';
  const { ip_address = 'unknown' } = metadata;
  expectType<string>(ip_address);
});
// @ts-expect-error: possibly undefined
bus.getMetadata().trace_id.length;

// Any object of strings is metadata: a literal, a type alias, an interface, an instance.
interface Request {
  trace_id: string;
  readonly user_id?: string;
}
interface RequestMetadata extends Metadata {
  readonly ip_address: string;
}
declare const request: Request;
declare const extended: RequestMetadata;
declare const alias: { trace_id: string };
declare const record: Record<string, string>;
declare const partial: Partial<Record<'a' | 'b', string>>;
declare const instance: { readonly href: string } & Request;
declare const header: string | undefined;
declare const either: Request | RequestMetadata | { a: '1' };
declare const maybe: Request | undefined;
publish('flag', true, { metadata: { trace_id: 'a', user_id: header } });
publish('flag', true, { metadata: request });
publish('flag', true, { metadata: extended });
publish('flag', true, { metadata: alias });
publish('flag', true, { metadata: record });
publish('flag', true, { metadata: partial });
publish('flag', true, { metadata: instance });
publish('flag', true, { metadata: either });
publish('flag', true, { metadata: maybe });
publish('flag', true, { metadata: bus.getMetadata() });
publish('flag', true, { metadata: {} });
publish('flag', true, { metadata: { ...request, region: 'eu' } });
publish('cache.cleared', undefined, { metadata: request });
publishEvent(bus, { name: 'flag', payload: true }, { metadata: request });
expectType<string>(extended.ip_address);
expectType<string | undefined>(extended.trace_id);

// So are options that are declared first.
const options: PublishOptions = { metadata: { trace_id: 'a' } };
const optionsOfRequest: PublishOptions<unknown, Request> = { metadata: request };
publish('flag', true, options);
publish('flag', true, optionsOfRequest);

// What is no object of strings is not.
interface Counted {
  attempt: number;
}
declare const counted: Counted;
declare const headers: Record<string, string | string[] | undefined>;
// @ts-expect-error: a number
publish('flag', true, { metadata: { attempt: 1 } });
// @ts-expect-error: a number
publish('flag', true, { metadata: counted });
// @ts-expect-error: a number
publish('flag', true, { metadata: { ...request, ...counted } });
// @ts-expect-error: one of them has a number
publish('flag', true, { metadata: {} as Request | Counted });
// @ts-expect-error: lists
publish('flag', true, { metadata: headers });
// @ts-expect-error: a list
publish('flag', true, { metadata: ['a'] });
// @ts-expect-error: a string
publish('flag', true, { metadata: 'a' });
// @ts-expect-error: a number
publish('flag', true, { metadata: 5 });
// @ts-expect-error: a boolean
publish('flag', true, { metadata: true });
// @ts-expect-error: null
publish('flag', true, { metadata: null });
// @ts-expect-error: a function
publish('flag', true, { metadata: () => {} });
// @ts-expect-error: a date
publish('flag', true, { metadata: new Date() });
// @ts-expect-error: unknown
publish('flag', true, { metadata: {} as unknown });
// @ts-expect-error: a number
publishEvent(bus, { name: 'flag', payload: true }, { metadata: counted });
export interface Wrong extends Metadata {
  // @ts-expect-error: a number
  attempt: number;
}

// The option of the bus adds metadata to every publish.
createEventBus<AppEvents>({ metadata: () => ({ region: 'eu' }) });
createEventBus<AppEvents>({ metadata: (current) => ({ trace_id: current.trace_id ?? 'new' }) });
createEventBus<AppEvents>({ metadata: ({ trace_id = 'new' }) => ({ ...request, trace_id }) });
createEventBus<AppEvents>({ metadata: () => extended });
createEventBus<AppEvents>({
  metadata: (current) => {
    expectType<Metadata>(current);
    return current;
  },
});
createEventBus<AppEvents>({ metadata: undefined });
// @ts-expect-error: a number
createEventBus<AppEvents>({ metadata: () => ({ attempt: 1 }) });
// @ts-expect-error: a promise
createEventBus<AppEvents>({ metadata: async () => ({ region: 'eu' }) });
// @ts-expect-error: no function
createEventBus<AppEvents>({ metadata: { region: 'eu' } });

// `from` carries on the metadata of a handler.
subscribe('flag', (_, context) => {
  publish('cache.cleared', undefined, { from: context });
  publish('cache.cleared', undefined, { from: context, metadata: { step: '2' } });
  publish('cache.cleared', undefined, { from: { metadata: context.metadata } });
  // @ts-expect-error: no context
  publish('cache.cleared', undefined, { from: context.metadata.trace_id });
  // @ts-expect-error: no metadata in it
  publish('cache.cleared', undefined, { from: {} });
});

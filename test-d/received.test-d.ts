import type { EventInfo } from 'mapbus';
import { createServiceBus, memory, type NotJson, type Received, type ServiceBusOptions } from 'mapbus/service';

// Exact on every compiler: expectType is exact under tsd only.
type Equal<A, B> = (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : false;
type Same<A, B> = [A, B] extends [B, A] ? true : false;
const is = <_Statement extends true>() => {};

type Keeps<Payload> = Same<Payload, Received<Payload>>;
type IsSent<Payload> = 'all' extends ServiceBusOptions<{ event: Payload }>['sends'] ? true : false;
type IsRefused<Payload> = 'all' extends ServiceBusOptions<{ event: Payload }>['sends'] ? false : true;

/** What the compiler prints if a bus is to send a payload that JSON cannot carry. */
type Said<Payload> =
  Exclude<ServiceBusOptions<{ event: Payload }>['sends'], readonly unknown[]> extends {
    readonly '~refused': (losses: { event: infer Message }) => void;
  }
    ? Message
    : never;

declare const brand: unique symbol;
declare enum Level {
  Low,
  High,
}
interface Flat {
  id: string;
  count: number;
  isPaid: boolean;
  nothing: null;
  kind: 'a' | 'b';
  tags: string[];
}
interface Partly {
  readonly id: string;
  readonly note?: string;
  count?: number;
}
interface Nested {
  flat: Flat;
  list: readonly Flat[];
  deep: { partly: Partly }[];
  maybe: Flat | null;
  pair: [Flat, Partly?];
}
interface Tree {
  value: number;
  children: Tree[];
  parent?: Tree;
  byName: { [name: string]: Tree };
}
type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
type Shape =
  | { kind: 'circle'; radius: number }
  | { kind: 'polygon'; points: [number, number][]; style: { color: string } };
type UserId = string & { readonly [brand]: 'UserId' };
type DeepReadonly<Type> = Type extends object ? { readonly [Key in keyof Type]: DeepReadonly<Type[Key]> } : Type;
interface Page<Item> {
  items: Item[];
  next?: Page<Item>;
}

// Scalars, and types of which nothing is known.
is<Equal<Received<string>, string>>();
is<Equal<Received<'a' | 1 | true | null | undefined>, 'a' | 1 | true | null | undefined>>();
is<Equal<Received<boolean>, boolean>>();
is<Equal<Received<void>, void>>();
is<Equal<Received<never>, never>>();
is<Equal<Received<unknown>, unknown>>();
is<Equal<Received<any>, any>>();
is<Equal<Received<object>, object>>();
is<Equal<Received<UserId>, UserId>>();
is<Equal<Received<`order.${string}`>, `order.${string}`>>();
is<Keeps<Level>>();

// What JSON keeps is the same type; what is flat has the same name too.
is<Equal<Received<Flat>, Flat>>();
is<Equal<Received<Partly>, Partly>>();
is<Equal<Received<Nested>, Nested>>();
is<Equal<Received<Shape>, Shape>>();
is<Equal<Received<[]>, []>>();
is<Equal<Received<[first: string, second?: number]>, [first: string, second?: number]>>();
is<Equal<Received<readonly [string, ...{ id: string }[]]>, readonly [string, ...{ id: string }[]]>>();
is<Equal<Received<readonly Flat[]>, readonly Flat[]>>();
is<Equal<Received<{ [key: string]: { id: string } }>, { [key: string]: { id: string } }>>();
is<Equal<Received<{ [key: number]: Flat; first: Flat }>, { [key: number]: Flat; first: Flat }>>();
is<Equal<Received<{ [key: `x-${string}`]: Flat }>, { [key: `x-${string}`]: Flat }>>();
is<Equal<Received<{ data: unknown; flat: Flat; any: object }>, { data: unknown; flat: Flat; any: object }>>();
is<Keeps<Tree>>();
is<Keeps<Json>>();
is<Keeps<{ data: Json; flat: Flat }>>();
is<Keeps<DeepReadonly<Nested>>>();
is<Keeps<Page<Page<Nested>>>>();
is<Keeps<Record<Level, Flat>>>();
is<Keeps<Record<string, Flat | undefined>>>();
is<Keeps<{ flat: Flat; note?: string | undefined }>>();
is<Keeps<{ id: UserId; lines: Flat[] } & { readonly [brand]: 'Order' }>>();
is<Keeps<Flat[] & { readonly [brand]: 'Lines' }>>();
is<Keeps<string[] & { readonly __brand: 'Names' }>>();

// A date, and all that has toJSON.
is<Equal<Received<Date>, string>>();
is<Equal<Received<URL>, string>>();
is<Equal<Received<{ id: string; at: Date }>, { id: string; at: string }>>();
is<Equal<Received<{ readonly at?: Date | null; flat: Flat }>, { readonly at?: string | null; flat: Flat }>>();
is<Equal<Received<Date[]>, string[]>>();
is<Equal<Received<[at: Date, until?: Date]>, [at: string, until?: string]>>();
is<Equal<Received<readonly [Date, ...Date[]]>, readonly [string, ...string[]]>>();
is<Equal<Received<Record<string, Date>>, Record<string, string>>>();
is<Equal<Received<{ [key: number]: Date }>, { [key: number]: string }>>();
is<
  Equal<
    Received<{ kind: 'a'; at: Date } | { kind: 'b'; id: string }>,
    { kind: 'a'; at: string } | { kind: 'b'; id: string }
  >
>();
is<Equal<Received<{ toJSON(): { at: Date }[] }>, { at: string }[]>>();
is<Equal<Received<{ price: { toJSON(key?: string): number }; id: string }>, { price: number; id: string }>>();
is<Equal<Received<{ at: Date; data: unknown }>, { at: string; data: unknown }>>();
is<Equal<Received<{ at: Date; data: any }>, { at: string; data: any }>>();
interface DatedTree {
  at: Date;
  children: DatedTree[];
  parent: DatedTree | null;
}
declare const tree: Received<DatedTree>;
is<Equal<typeof tree.at, string>>();
is<Equal<(typeof tree.children)[number]['parent'], Received<DatedTree> | null>>();

// Undefined: left out of an object, null in a list.
is<Equal<Received<{ id: Flat; note: string | undefined }>, { id: Flat; note?: string }>>();
is<Equal<Received<{ id: string; readonly at: Date | undefined }>, { id: string; readonly at?: string }>>();
is<Equal<Received<{ id: string; nothing: undefined }>, { id: string; nothing?: never }>>();
is<Equal<Received<(string | undefined)[]>, (string | null)[]>>();
is<Equal<Received<[Date, undefined, string | undefined]>, [string, null, string | null]>>();

// What JSON cannot carry.
is<Equal<Received<bigint>, NotJson<'bigint'>>>();
is<Equal<Received<{ id: string; done: () => void }>, { id: string; done: NotJson<'function'> }>>();
is<Equal<Received<{ id: string; tags?: Set<string> }>, { id: string; tags?: NotJson<'Set'> }>>();
is<Equal<Received<{ files: Uint8Array[] }>, { files: NotJson<'byte array'>[] }>>();
is<IsRefused<bigint>>();
is<IsRefused<symbol>>();
is<IsRefused<() => void>>();
is<IsRefused<new () => Date>>();
is<IsRefused<Map<string, string>>>();
is<IsRefused<ReadonlyMap<string, string>>>();
is<IsRefused<Set<string>>>();
is<IsRefused<ReadonlySet<Date>>>();
is<IsRefused<Uint8Array>>();
is<IsRefused<BigInt64Array>>();
is<IsRefused<ArrayBuffer>>();
is<IsRefused<SharedArrayBuffer>>();
is<IsRefused<DataView>>();
is<IsRefused<Buffer>>();
is<IsRefused<Error>>();
is<IsRefused<{ id: string; error: TypeError }>>();
is<IsRefused<RegExp>>();
is<IsRefused<Promise<string>>>();
is<IsRefused<URLSearchParams>>();
class Money {
  readonly amount = 1;
  format() {
    return String(this.amount);
  }
}
is<IsRefused<{ total: Money }>>();
// Wherever it is.
is<IsRefused<{ id?: string; tags?: Set<string> }>>();
is<IsRefused<{ note: string | undefined; big: bigint }>>();
is<IsRefused<{ data: unknown; map: Map<string, string> }>>();
is<IsRefused<{ deep: { data: any; map: Map<string, string> } }>>();
is<IsRefused<(string | bigint)[]>>();
is<IsRefused<[string, Map<string, string>?]>>();
is<IsRefused<[string, ...bigint[]]>>();
is<IsRefused<[unknown, bigint]>>();
is<IsRefused<[{ id: string }, any, Map<string, string>?]>>();
is<IsRefused<{ list: [unknown, { map: Map<string, string> }] }>>();
is<IsRefused<Record<string, { big: bigint }>>>();
is<IsRefused<{ [key: number]: bigint }>>();
is<IsRefused<{ kind: 'a' } | { kind: 'b'; deep: { tags: Set<string> } }>>();
is<IsRefused<{ toJSON(): string | Map<string, string> }>>();
// JSON does not call toJSON of what toJSON returned: a date would become {}.
is<IsRefused<{ toJSON(): Date }>>();
interface Itself {
  id: string;
  toJSON(): Itself;
}
is<IsRefused<Itself>>();
interface Recursive {
  itself: Recursive;
  list: Recursive[];
  deep: { map: Map<string, string> };
}
is<IsRefused<Recursive>>();
is<IsRefused<DeepReadonly<{ a: { b: { c: { d: { e: { f: { g: { h: { i: bigint } } } } } } } } }>>>();
is<IsRefused<Page<Page<{ map: Map<string, string> }>>>>();
// The message names the member.
is<Equal<Said<{ by: Map<string, number> }>, 'payload.by is a Map, which JSON cannot carry'>>();
is<
  Equal<
    Said<{ id: string; lines: { run?: () => void }[] }>,
    'payload.lines[].run is a function, which JSON cannot carry'
  >
>();
is<Equal<Said<[unknown, bigint]>, 'payload[] is a bigint, which JSON cannot carry'>>();
is<Equal<Said<{ error: Error }>, 'payload.error is an Error, which JSON cannot carry'>>();
is<Equal<Said<{ at: { toJSON(): Date } }>, 'payload.at.toJSON() has a toJSON of its own, which JSON does not call'>>();
is<
  Equal<
    Said<{ first: symbol; deep: { second: bigint }; third: Set<string> }>,
    'payload.first is a symbol, which JSON cannot carry' | 'payload.third is a Set, which JSON cannot carry'
  >
>();
// And what JSON carries, although not as it is.
is<IsSent<void>>();
is<IsSent<unknown>>();
is<IsSent<any>>();
is<IsSent<object>>();
is<IsSent<Json>>();
is<IsSent<[unknown, Date?]>>();
is<IsSent<unknown[]>>();
is<IsSent<readonly any[]>>();
is<IsSent<DatedTree>>();
is<IsSent<{ at: Date | undefined; list: (Date | undefined)[] }>>();
is<IsSent<{ toJSON(): { at: Date } | null }>>();
is<IsSent<{ error: { name: string; message: string; stack?: string } }>>();
is<IsSent<Page<Page<Page<Page<Page<Page<{ at: Date }>>>>>>>>();

// One function serves a local handler and a consumer, if JSON keeps the payload.
interface AppEvents {
  'tree.grown': Tree;
  'order.nested': Nested;
  'order.placed': { id: string; at: Date };
}
const bus = createServiceBus<AppEvents>({ service: 'shop', transport: memory(), sends: 'all' });
const grow = (tree: Tree, { id, name, occurredAt, metadata, signal }: EventInfo) => [
  tree.value,
  id,
  name,
  occurredAt,
  metadata,
  signal,
];
bus.subscribe('tree.grown', grow);
bus.consume('tree.grown', 'grow', grow);
const nest = async ({ deep }: Nested, { name }: EventInfo<'order.nested'>) => [deep, name];
bus.subscribe('order.nested', nest);
bus.consume('order.nested', 'nest', nest);
// One that needs what JSON does not change serves both too.
const log = ({ id }: { id: string }) => id;
bus.subscribe('order.placed', log);
bus.consume('order.placed', 'log', log);
const remember = ({ at }: { at: Date }) => at.getTime();
bus.subscribe('order.placed', remember);
// @ts-expect-error: a consumer gets the date as a string
bus.consume('order.placed', 'remember', remember);

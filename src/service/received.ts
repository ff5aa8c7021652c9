// What a consumer gets of a payload: JSON.parse(JSON.stringify(payload)), in types.
import type { EventName } from '../bus/types.ts';

type Scalar = string | number | boolean | null;

/** An object with no other members is received as it is, under its own name. Most payloads are such objects. */
type Kept = Scalar | readonly Scalar[];

type Defined = NonNullable<unknown> | null;

type AnyFunction = ((...args: never) => unknown) | (abstract new (...args: never) => unknown);

/** What JSON drops, empties or refuses. */
type NotCarried =
  | bigint
  | symbol
  | AnyFunction
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>
  | ArrayBufferView
  | ArrayBufferLike;

/** All that is no plain object. */
type Special = Scalar | undefined | NotCarried | readonly unknown[] | HasToJson;

interface HasToJson {
  toJSON(...args: never): unknown;
}

/** Stands in a received payload where JSON cannot carry something. Nothing fits it. */
export interface NotJson<What extends string> {
  readonly '~not JSON': What;
}

/**
 * A payload as a consumer gets it: what `JSON.parse(JSON.stringify(payload))` makes of it. A `Date`, and all that has a
 * `toJSON`, is what its `toJSON` returns. A member that may be `undefined` is optional. What JSON keeps fits its
 * `Received` type, and the other way round, so that one function serves `subscribe` and `consume`.
 * @example
 * type Order = Received<{ id: string; at: Date; note: string | undefined }>; // { id: string; at: string; note?: string }
 */
export type Received<Payload> = Payload extends Special
  ? ReceivedSpecial<Payload>
  : // First, since `any` would take both branches of the next condition.
    undefined extends Payload[keyof Payload]
    ? ReceivedLoose<Payload>
    : Payload[keyof Payload] extends Kept
      ? Payload
      : ReceivedObject<Payload>;

type ReceivedObject<Payload> = { [Key in keyof Payload]: Received<Payload[Key]> };

type ReceivedSpecial<Payload> = Payload extends Scalar | undefined
  ? Payload
  : Payload extends NotCarried
    ? NotJson<NameOf<Payload>>
    : Payload extends { toJSON(...args: never): infer Json }
      ? ReceivedResult<Json>
      : Payload extends readonly unknown[]
        ? ReceivedList<Payload>
        : never;

/** What a `toJSON` returns. JSON does not call the `toJSON` of that again. */
type ReceivedResult<Json> = Json extends HasToJson ? NotJson<'toJSON'> : Received<Json>;

/** An object with members that are optional, `undefined`, `unknown` or `any`. */
type ReceivedLoose<Payload> = unknown extends Payload[keyof Payload]
  ? IsError<Payload> extends true
    ? NotJson<'Error'>
    : ReceivedWithout<Payload, UndefinedKey<Payload>>
  : Payload extends { [Key in keyof Payload]: Defined }
    ? Payload[keyof Payload] extends Kept | undefined
      ? Payload
      : ReceivedObject<Payload>
    : ReceivedWithout<Payload, UndefinedKey<Payload>>;

/** `Error` and its built-in kinds. Another object of the same members is one too, but few have a `cause`. */
type IsError<Payload> = Payload extends Error
  ? Error extends Payload
    ? 'cause' extends keyof Payload
      ? true
      : false
    : false
  : false;

/** The keys that must be there with a value that may be `undefined`. JSON leaves them out. */
type UndefinedKey<Payload> = keyof {
  [Key in keyof Payload as undefined extends Payload[Key]
    ? unknown extends Payload[Key]
      ? never
      : Record<never, never> extends Pick<Payload, Key>
        ? never
        : Key
    : never]: 1;
};

type ReceivedWithout<Payload, Keys extends keyof Payload> = [Keys] extends [never]
  ? ReceivedObject<Payload>
  : ReceivedObject<
      { [Key in keyof Payload as Key extends Keys ? never : Key]: Payload[Key] } & {
        [Key in Keys]?: Exclude<Payload[Key], undefined>;
      }
    >;

/** An array is written as an array, so that a recursive type is not followed at once. A tuple goes member by member. */
type ReceivedList<List extends readonly unknown[]> = List[number][] extends List
  ? List extends unknown[]
    ? ReceivedElement<List[number]>[]
    : readonly ReceivedElement<List[number]>[]
  : { [Key in keyof List]: 1 } extends readonly unknown[]
    ? { [Key in keyof List]: ReceivedElement<List[Key], Required<List>[Key]> }
    : // An array with a brand keeps it, unless JSON changes its elements.
      ReceivedElement<List[number]>[] extends List[number][]
      ? List
      : ReceivedElement<List[number]>[];

/** JSON writes `null` in the place of `undefined`. `Given` is the element without the `?` of a tuple. */
type ReceivedElement<Element, Given = Element> = undefined extends Given
  ? unknown extends Element
    ? Element
    : Received<Exclude<Element, undefined>> | null
  : Received<Element>;

/** The map as consumers see it. */
export type ReceivedEvents<Events extends object> = { readonly [Name in keyof Events]: Received<Events[Name]> };

/** The payload itself with `NotJson` where JSON cannot carry it: only a payload that JSON carries fits. */
type Carried<Payload> = Payload extends Special
  ? CarriedSpecial<Payload>
  : unknown extends Payload[keyof Payload]
    ? IsError<Payload> extends true
      ? NotJson<'Error'>
      : CarriedObject<Payload>
    : Payload[keyof Payload] extends Kept
      ? Payload
      : CarriedObject<Payload>;

type CarriedObject<Payload> = { readonly [Key in keyof Payload]: Carried<Payload[Key]> };

type CarriedSpecial<Payload> = Payload extends Scalar | undefined
  ? Payload
  : Payload extends NotCarried
    ? NotJson<NameOf<Payload>>
    : Payload extends { toJSON(...args: never): infer Json }
      ? CarriedResult<Json, Payload>
      : Payload extends readonly (infer Element)[]
        ? // The elements of a tuple with an `unknown` are `unknown` together.
          unknown extends Element
          ? CarriedObject<Payload>
          : readonly Carried<Element>[]
        : never;

/** The payload, if JSON carries all of what its `toJSON` returns. */
type CarriedResult<Json, Payload> = [Json] extends [CarriedPart<Json>] ? Payload : NotJson<'toJSON'>;

type CarriedPart<Json> = Json extends HasToJson ? NotJson<'toJSON'> : Carried<Json>;

type CarriedEvents<Events> = { readonly [Name in keyof Events]: Carried<Events[Name]> };

/**
 * The names whose payload JSON carries. A map that JSON keeps as it is, as most are, costs one comparison, whose parts
 * `consume` uses again.
 */
type CarriedName<Events extends object> =
  Events extends ReceivedEvents<Events>
    ? EventName<Events>
    : Events extends CarriedEvents<Events>
      ? EventName<Events>
      : { [Name in EventName<Events>]: Events[Name] extends Carried<Events[Name]> ? Name : never }[EventName<Events>];

/** The names whose payload JSON does not carry. */
export type LostName<Events extends object> = Exclude<EventName<Events>, CarriedName<Events>>;

/** What of a payload JSON cannot carry, in words that the compiler prints: the members that are the fewest steps away. */
export type Loss<Payload, Steps extends 1[] = [1]> =
  LossWithin<Payload, 'payload', Steps> extends infer Found
    ? [Found] extends [never]
      ? Steps['length'] extends 8
        ? 'payload has something that JSON cannot carry'
        : Loss<Payload, [...Steps, 1]>
      : Found
    : never;

type LossWithin<Payload, Path extends string, Steps extends 1[]> =
  Payload extends Carried<Payload>
    ? never
    : Payload extends NotCarried
      ? `${Path} is a ${NameOf<Payload>}, which JSON cannot carry`
      : IsError<Payload> extends true
        ? `${Path} is an Error, which JSON cannot carry`
        : Steps extends [1, ...infer Rest extends 1[]]
          ? Payload extends { toJSON(...args: never): infer Json }
            ? LossOfResult<Json, `${Path}.toJSON()`, Rest>
            : Payload extends readonly unknown[]
              ? LossOfElements<Payload, `${Path}[]`, Rest>[number]
              : { [Key in keyof Payload]-?: LossWithin<Payload[Key], `${Path}${Member<Key>}`, Rest> }[keyof Payload]
          : never;

type LossOfElements<List extends readonly unknown[], Path extends string, Steps extends 1[]> = {
  [Key in keyof List]-?: LossWithin<List[Key], Path, Steps>;
};

type LossOfResult<Json, Path extends string, Steps extends 1[]> = Json extends HasToJson
  ? `${Path} has a toJSON of its own, which JSON does not call`
  : LossWithin<Json, Path, Steps>;

type Member<Key> = Key extends string ? `.${Key}` : Key extends number ? `[${Key}]` : '[symbol]';

type NameOf<Type> = Type extends bigint
  ? 'bigint'
  : Type extends symbol
    ? 'symbol'
    : Type extends AnyFunction
      ? 'function'
      : Type extends ReadonlyMap<unknown, unknown>
        ? 'Map'
        : Type extends ReadonlySet<unknown>
          ? 'Set'
          : 'byte array';

/** Only for messages of the compiler, which print `Losses`. Nothing fits it. */
export interface Refused<in Losses> {
  readonly '~refused': (losses: Losses) => void;
}

/** Names, and for messages of the compiler the names that are not among them, with the reason. */
type NamesExcept<Losses, Name> = Name | (string & Refused<Losses>);

/** The names whose payload JSON carries. If there are others, the compiler says why they are not among them. */
export type SendableName<Events extends object> = [LostName<Events>] extends [never]
  ? keyof Events & string
  : NamesExcept<{ [Name in LostName<Events>]: Loss<Events[Name]> }, CarriedName<Events>>;

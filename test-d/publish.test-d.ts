import { createEventBus, type EventName, type PublishOptions, type PublishResult } from 'mapbus';
import { expectType } from 'tsd';

interface AppEvents {
  'user.registered': { userId: string; email: string };
  'order.placed': { total: number };
  'cache.cleared': void;
  'cache.emptied': undefined;
  'job.done': { took: number } | undefined;
  flag: boolean;
  level: 'low' | 'high';
  list: readonly string[];
  anything: any;
  something: unknown;
  impossible: never;
}

interface Transaction {
  query: (sql: string) => void;
}

const { publish } = createEventBus<AppEvents>();
const { publish: publishIn } = createEventBus<AppEvents, Transaction>();

// The payload of the event.
expectType<Promise<PublishResult>>(publish('user.registered', { userId: '1', email: 'a@b.c' }));
// @ts-expect-error: unknown name
publish('user.registred', { userId: '1', email: 'a@b.c' });
// @ts-expect-error: no payload
publish('user.registered');
// @ts-expect-error: payload of another event
publish('user.registered', { total: 1 });
// @ts-expect-error: a property is missing
publish('user.registered', { userId: '1' });
// @ts-expect-error: a property of a wrong type
publish('user.registered', { userId: 1, email: 'a@b.c' });
// @ts-expect-error: a property too many
publish('user.registered', { userId: '1', email: 'a@b.c', password: 'secret' });
// @ts-expect-error: an undefined payload
publish('user.registered', undefined);

// Extra properties of a variable compile, as everywhere in TypeScript (trap 13).
const wider = { userId: '1', email: 'a@b.c', password: 'secret' };
publish('user.registered', wider);

// Void and undefined payloads are left out, or undefined before options (trap 6).
publish('cache.cleared');
publish('cache.cleared', undefined, { metadata: { trace_id: 'a' } });
publish('cache.emptied');
publish('cache.emptied', undefined, {});
// @ts-expect-error: a payload for a void event
publish('cache.cleared', { all: true });
// @ts-expect-error: options in the place of the payload
publish('cache.cleared', { metadata: {} });

// Optional payloads may be left out.
publish('job.done');
publish('job.done', { took: 1 });
publish('job.done', undefined, {});
// @ts-expect-error: a wrong optional payload
publish('job.done', { took: '1' });

// Unions stay whole.
publish('flag', true as boolean);
publish('level', 'low' as 'low' | 'high');
// @ts-expect-error: not of the union
publish('level', 'middle');
publish('list', ['a'] as const);

// Payloads of any type must be given all the same (trap 7).
publish('anything', 1);
publish('something', 1);
// @ts-expect-error: no payload
publish('anything');
// @ts-expect-error: no payload
publish('something');

// Nothing is a payload of a never event (trap 8).
// @ts-expect-error: no payload
publish('impossible');
// @ts-expect-error: no value is never
publish('impossible', 1);

// A name of a union type needs a payload that fits every member (trap 1).
declare const either: 'user.registered' | 'order.placed';
// @ts-expect-error: fits only one
publish(either, { total: 1 });
// @ts-expect-error: fits only the other
publish(either, { userId: '1', email: 'a@b.c' });
publish(either, { total: 1, userId: '1', email: 'a@b.c' });
declare const flagOrLevel: 'flag' | 'level';
// @ts-expect-error: no value fits both
publish(flagOrLevel, true);
declare const anyName: EventName<AppEvents>;
// @ts-expect-error: no value fits all
publish(anyName, undefined);

// Options.
publish('cache.cleared', undefined, { id: '1', occurredAt: new Date(), metadata: { ip_address: '::1' }, session: {} });
publishIn('cache.cleared', undefined, { session: { query: () => {} } });
publishIn('cache.cleared', undefined, {
  session: undefined,
  metadata: undefined,
  id: undefined,
  occurredAt: undefined,
});
// @ts-expect-error: no such option
publish('cache.cleared', undefined, { meta: {} });
// @ts-expect-error: a session of another type
publishIn('cache.cleared', undefined, { session: { run: () => {} } });
// @ts-expect-error: an option of a wrong type
publish('cache.cleared', undefined, { occurredAt: '2026-01-01' });
// @ts-expect-error: an argument too many
publish('cache.cleared', undefined, {}, 1);

// The result is read-only, and not thrown away by mistake.
const check = async () => {
  const result = await publish('cache.cleared');
  expectType<string>(result.id);
  expectType<Date>(result.occurredAt);
  expectType<number>(result.handlerCount);
  expectType<unknown>(result.failures[0]?.error);
  expectType<string | undefined>(result.failures[0]?.handlerName);
  if (result.error) {
    expectType<'not-sent' | 'unknown' | undefined>(result.error.outcome);
    if (result.error.code === 'publish_timeout') expectType<'publish_timeout'>(result.error.code);
    // @ts-expect-error: no such code
    if (result.error.code === 'lost') expectType<never>(result.error.code);
  }
  // @ts-expect-error: read-only
  result.handlerCount = 1;
  // @ts-expect-error: read-only
  result.failures.push({ handlerName: '', error: 1 });
};
void check;

expectType<Transaction | undefined>({} as PublishOptions<Transaction>['session']);

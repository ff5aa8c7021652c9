/// <reference lib="dom" />
import type { EventPayloadMap } from '@octokit/webhooks-types';
import {
  createEventBus,
  type EventBus,
  type EventHandlers,
  type EventName,
  type EventOf,
  type EventPayload,
} from 'mapbus';
import { expectAssignable, expectNotAssignable, expectType } from 'tsd';

interface AppEvents {
  'user.registered': { userId: string; email: string };
  'cache.cleared': void;
}

// An interface is an event map (trap 2).
const byInterface = createEventBus<AppEvents>();
expectType<EventBus<AppEvents, unknown>>(byInterface);
byInterface.publish('user.registered', { userId: '1', email: 'a@b.c' });

// A type alias is an event map.
type AliasEvents = { ping: number };
createEventBus<AliasEvents>().publish('ping', 1);

// So are maps that others wrote.
const webhooks = createEventBus<EventPayloadMap>();
webhooks.subscribe('issues', (payload) => expectType<EventPayloadMap['issues']>(payload));
// @ts-expect-error: not an event of that map
webhooks.subscribe('issue', () => {});
const dom = createEventBus<WindowEventMap>();
dom.subscribe('keydown', (event) => expectType<KeyboardEvent>(event));
dom.publish('mousedown', new MouseEvent('mousedown'));
// @ts-expect-error: an event of another name
dom.publish('keydown', new MouseEvent('mousedown'));

// A map is an object type.
// @ts-expect-error: no object
createEventBus<string>();

// An interface may be added to elsewhere (trap 16).
interface AppEvents {
  'order.placed': { total: number };
}
byInterface.publish('order.placed', { total: 1 });
// @ts-expect-error: an empty map has no names
createEventBus<{}>().publish('ping', 1);

// Names are strings: number and symbol keys are left out (trap 15).
declare const key: unique symbol;
interface MixedKeys {
  1: string;
  [key]: string;
  name: string;
}
expectType<'name'>({} as EventName<MixedKeys>);
const mixed = createEventBus<MixedKeys>();
mixed.publish('name', 'a');
// @ts-expect-error: a number is no name
mixed.publish(1, 'a');
// @ts-expect-error: a symbol is no name
mixed.subscribe(key, () => {});

// Template-literal keys and index signatures (trap 17).
interface PatternEvents {
  [name: `user.${string}`]: { userId: string };
}
const patterns = createEventBus<PatternEvents>();
patterns.publish('user.renamed', { userId: '1' });
// @ts-expect-error: not of the pattern
patterns.publish('order.placed', { userId: '1' });
createEventBus<Record<string, number>>().publish('anything', 1);

// EventPayload and EventOf name the parts.
expectType<{ userId: string; email: string }>({} as EventPayload<AppEvents, 'user.registered'>);
expectAssignable<EventOf<AppEvents>>({ name: 'order.placed' as const, payload: { total: 1 } });
expectNotAssignable<EventOf<AppEvents>>({ name: 'order.placed' as const, payload: { userId: '1', email: '' } });

// EventHandlers has a handler for every event.
const handlers = {
  'user.registered': ({ email }) => email,
  'cache.cleared': () => {},
  'order.placed': async ({ total }, { id }) => expectType<[number, string]>([total, id]),
} satisfies EventHandlers<AppEvents>;
byInterface.subscribe('order.placed', handlers['order.placed']);
// @ts-expect-error: nobody handles order.placed
({ 'user.registered': () => {}, 'cache.cleared': () => {} }) satisfies EventHandlers<AppEvents>;

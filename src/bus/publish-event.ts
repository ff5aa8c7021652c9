import { check } from '../shared/check.ts';
import type {
  EventName,
  EventOf,
  Metadata,
  PublishArgs,
  Publisher,
  PublishOptions,
  PublishResult,
  StringValues,
} from './types.ts';

/**
 * Publishes an event that is one value: what `subscribeAll` or `eventsOf` gave.
 * @throws TypeError if `bus` is no bus or `event` is no object
 * @example
 * from.subscribeAll((event, context) => publishEvent(to, event, { id: context.id, from: context }));
 */
export const publishEvent = <Events extends object, Session = never, Added extends StringValues<Added> = Metadata>(
  bus: Publisher<Events, Session>,
  event: EventOf<Events>,
  options?: PublishOptions<Session, Added>,
): Promise<PublishResult> => {
  check('bus', bus, ['publish']);
  check('event', event, 'object');
  const { name, payload } = event;
  const args: readonly unknown[] = [payload, options];
  // Name and payload come from one event, so they fit. TypeScript does not see that in a union.
  return bus.publish(name, ...(args as PublishArgs<Events, EventName<Events>, Session, Added>));
};

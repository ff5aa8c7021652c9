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
 * @throws TypeError for a bus or an event that is none
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
  // The payload belongs to the name, since both are of one event. TypeScript cannot follow that through a union.
  return bus.publish(name, ...(args as PublishArgs<Events, EventName<Events>, Session, Added>));
};

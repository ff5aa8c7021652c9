import type { EventName, EventOf, PublishArgs, Publisher, PublishOptions, PublishResult } from './types.ts';

/**
 * Publishes an event that is one value: what `subscribeAll` or `eventsOf` gave.
 * @example
 * from.subscribeAll((event, context) => publishEvent(to, event, { id: context.id, from: context }));
 */
export const publishEvent = <Events extends object, Session = never>(
  { publish }: Publisher<Events, Session>,
  { name, payload }: EventOf<Events>,
  options?: PublishOptions<Session>,
): Promise<PublishResult> => {
  const args: readonly unknown[] = [payload, options];
  // The payload belongs to the name, since both are of one event. TypeScript cannot follow that through a union.
  return publish(name, ...(args as PublishArgs<Events, EventName<Events>, Session>));
};

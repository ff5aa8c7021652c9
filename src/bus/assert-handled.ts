import type { PublishResult } from './types.ts';

/**
 * Throws if anything went wrong in a publish, for publishers that want a failing handler to roll their transaction back.
 * @throws AggregateError of what the handlers threw, or of the `error` of the result
 * @example
 * assertHandled(await bus.publish('order.placed', order, { session: transaction }));
 */
export const assertHandled = ({ failures, error }: PublishResult): void => {
  if (error) throw new AggregateError([error], error.message);
  if (failures.length === 0) return;
  const names = failures.map(({ handlerName }) => handlerName).join(', ');
  throw new AggregateError(
    failures.map((failure) => failure.error),
    `[mapbus] ${failures.length} failed: ${names}`,
  );
};

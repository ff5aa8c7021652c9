import { type ConnectionPool, NetworkError } from '@platformatic/kafka';

// The client takes its own kinds of errors alone.
const leaderIsAway = () =>
  new NetworkError('LEADER_NOT_AVAILABLE: the broker that leads the partition or coordinates the group is away', {
    canRetry: true,
    hasStaleMetadata: true,
  });

/**
 * While a partition has no leader, or its coordinator is no broker that is known, the client 1.35 asks its pool for a connection
 * to `undefined`. The pool throws in a callback then, which ends the process. This makes it an error of the call.
 */
export const refuseMissingBroker = (pool: ConnectionPool): void => {
  const { get } = pool;
  const refuseOrGet = (broker: unknown, callback?: (error: Error) => void): unknown => {
    if (broker !== undefined) return Reflect.apply(get, pool, [broker, callback]);
    if (!callback) return Promise.reject(leaderIsAway());
    callback(leaderIsAway());
    return undefined;
  };
  Object.defineProperty(pool, 'get', { value: refuseOrGet });
};

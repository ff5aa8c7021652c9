import type { Database } from './database.ts';

/** How long it waits before it connects again. */
const PAUSE_MS = 1_000;

interface Listener {
  readonly connect: () => Promise<unknown>;
  readonly query: (text: string) => Promise<unknown>;
  readonly end: () => Promise<void>;
  readonly on: (event: 'notification' | 'error' | 'end', listener: () => void) => unknown;
}

/** A pool of `pg` knows its client, and the options that it connects with. */
interface Pool {
  readonly Client?: (new (options: object) => Listener) | undefined;
  readonly options?: object | undefined;
}

/**
 * Notifications on a connection of our own, outside of the pool: one that the pool has lent for ever would be missing there.
 * It connects again for as long as it is needed.
 */
export const createListener = (pool: object): Database<never>['listen'] => {
  const { Client, options } = pool as Pool;
  if (!Client || !options) return undefined;
  return async (channel, wake) => {
    let current: Listener | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isStopped = false;

    const connect = async (): Promise<void> => {
      const client = new Client(options);
      let isOver = false;
      const again = () => {
        if (isOver) return;
        isOver = true;
        if (isStopped) return;
        timer = setTimeout(() => connect().catch(() => {}), PAUSE_MS);
        timer.unref?.();
      };
      client.on('error', again);
      client.on('end', again);
      client.on('notification', wake);
      try {
        await client.connect();
        if (isStopped) {
          await client.end();
          return;
        }
        current = client;
        await client.query(`LISTEN "${channel}"`);
        // What came while nobody listened.
        wake();
      } catch (error) {
        again();
        client.end().catch(() => {});
        throw error;
      }
    };
    await connect().catch(() => {});
    return async () => {
      isStopped = true;
      clearTimeout(timer);
      await current?.end().catch(() => {});
    };
  };
};

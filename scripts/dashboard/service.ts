import { setTimeout as sleep } from 'node:timers/promises';
import { type Counts, counts, createServiceBus, nonRetryable } from '../../src/service/index.ts';
import { rehearsal } from '../../src/testing/index.ts';

interface Events {
  'order.placed': { orderId: number };
  'order.charged': { orderId: number };
  'user.registered': { email: string };
}

/** A service with load that rises and falls, a broker that loses some publishes, and handlers that fail at times. */
export interface BusyService {
  readonly snapshot: () => Promise<ReturnType<Counts['snapshot']>>;
  readonly stop: () => Promise<void>;
}

const CYCLE_MS = 60_000;

export const startService = async (): Promise<BusyService> => {
  const numbers = counts();
  const bus = createServiceBus<Events>({
    service: 'shop',
    transport: rehearsal({ seed: 7, publishFailures: 0.01, deaths: 0.002 }),
    sends: 'all',
    consumers: { maxAttempts: 3, retryDelayMs: 200 },
    observers: [numbers.observer],
    logger: { debug: () => {}, warn: () => {}, error: () => {} },
  });
  const failAtTimes = (share: number, message: string) => {
    if (Math.random() < share) throw new Error(message);
  };
  bus.consume('order.placed', 'charge-card', async ({ orderId }, { id }) => {
    await sleep(5 + Math.random() * 40);
    failAtTimes(0.1, '503');
    if (orderId % 400 === 0) throw nonRetryable('card declined');
    await bus.publish('order.charged', { orderId }, { id: `${id}/charged` });
  });
  bus.consume('user.registered', 'send-mail', async () => {
    await sleep(30 + Math.random() * 200);
    failAtTimes(0.03, 'SMTP refused');
  });
  bus.consume(['order.placed', 'order.charged'], 'search-index', () => sleep(2 + Math.random() * 6));
  await bus.ready();

  let isStopped = false;
  const load = async (): Promise<void> => {
    for (let orderId = 1; !isStopped; orderId++) {
      const busy = 0.6 + 0.4 * Math.sin((Date.now() / CYCLE_MS) * 2 * Math.PI);
      void bus.publish('order.placed', { orderId });
      if (orderId % 3 === 0) void bus.publish('user.registered', { email: 'ada@example.com' });
      await sleep(10 / busy);
    }
  };
  const loading = load();
  const stop = async () => {
    isStopped = true;
    await loading;
    await bus.close();
  };
  return { snapshot: async () => numbers.snapshot(bus, await bus.waiting()), stop };
};

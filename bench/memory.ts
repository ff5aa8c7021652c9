// The heap that subscriptions and publishes take. Needs `node --expose-gc`.
import type { Emitter } from './contenders.ts';
import { loadBus, type Payload } from './contenders.ts';
import { createHandler } from './handlers.ts';

const SUBSCRIPTIONS = 2_000;
const IN_FLIGHT = 100_000;

const heap = (): number => {
  if (!globalThis.gc) throw new Error('Run this with --expose-gc');
  // Twice: what the first one frees can free more.
  globalThis.gc();
  globalThis.gc();
  return process.memoryUsage().heapUsed;
};

/** Bytes for one subscription among 2,000, its handler included. */
export const measureSubscription = (create: () => Emitter): number => {
  const fill = ({ subscribe }: Emitter) => {
    for (let index = 0; index < SUBSCRIPTIONS; index++) subscribe('event', createHandler('sync', index));
  };
  // The first time compiles what the second one uses.
  const emitters = [create(), create()];
  const [bytes = 0] = emitters
    .map((emitter) => {
      const before = heap();
      fill(emitter);
      return (heap() - before) / SUBSCRIPTIONS;
    })
    .slice(-1);
  // Alive until the last measurement.
  if (emitters.length !== 2) throw new Error('An emitter is gone');
  return bytes;
};

/** Bytes for one publish of mapbus whose four handlers still run, or what is left of it when they have settled. */
export const measureInFlight = async (isSettled: boolean): Promise<number> => {
  const { createEventBus } = await loadBus();
  const { subscribe, publish, idle } = createEventBus<{ event: Payload }>();
  const publishAll = async (gate: Promise<void>) => {
    const handlers = Array.from({ length: 4 }, () => subscribe('event', () => gate));
    for (let index = 0; index < IN_FLIGHT; index++) void publish('event', { value: 1 });
    for (const unsubscribe of handlers) unsubscribe();
  };
  await publishAll(Promise.resolve());
  await idle();
  const before = heap();
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  await publishAll(gate);
  const whileRunning = heap();
  open();
  await idle();
  return ((isSettled ? heap() : whileRunning) - before) / IN_FLIGHT;
};

import type { ConnectionContext, ConsumerSpec } from '../transport/index.ts';
import type { Declarer } from './declare-queue.ts';
import type { Kept } from './keep-open.ts';
import { type Link, pause } from './link.ts';
import type { Names } from './names.ts';
import type { Registry } from './registry.ts';
import { allLevels } from './topology.ts';

const LOOK_MS = 1_000;
/**
 * An event that is on its way from a retry queue to its queue is in neither for a moment. So the queues are removed only
 * after they were seen empty so many times.
 */
const EMPTY_LOOKS = 2;

interface Parts {
  readonly link: Link;
  readonly names: Names;
  readonly declarer: Declarer;
  readonly registry: Registry;
  /** Whether an operator removes the queues. */
  readonly isChecked: boolean;
  readonly report: ConnectionContext['report'];
  readonly isOver: () => boolean;
  /** Starts to consume the former queue. */
  readonly start: () => Promise<Kept>;
}

/**
 * Consumes what still waits for the former name of a consumer, and removes its queues once they are empty and no process
 * runs it any more. With `topology: 'check'` an operator removes them. Resolves when that is done.
 */
export const drainFormer = async (
  { link, names, declarer, registry, isChecked, report, isOver, start }: Parts,
  spec: ConsumerSpec,
  former: string,
): Promise<void> => {
  const queue = names.queue(former);
  const retryQueues = allLevels().map((ms) => names.retry(former, ms));
  let running: Kept | undefined;
  let emptyLooks = 0;

  const waiting = async (): Promise<number> => {
    let count = (await declarer.look(queue))?.messages ?? 0;
    for (const name of count > 0 ? [] : retryQueues) count += (await declarer.look(name))?.messages ?? 0;
    return count;
  };
  const remove = async (): Promise<void> => {
    for (const name of [queue, ...retryQueues]) await link.ask((channel) => channel.queueDelete({ queue: name }));
    report('warn', 'event_consumer_removed', { consumer: former, renamedTo: spec.consumer });
  };

  /** Says whether all is done. */
  const look = async (): Promise<boolean> => {
    const found = await declarer.look(queue);
    if (!found) return true;
    // With `topology: 'check'` there is no record of who runs it.
    if (isChecked || (await waiting()) > 0 || (await registry.isRun(former))) {
      emptyLooks = 0;
      running ??= await start();
      return false;
    }
    // First all processes stop to consume it, so that nobody has an event of it in hand.
    await running?.stop();
    running = undefined;
    if (found.consumers > 0 || ++emptyLooks < EMPTY_LOOKS) return false;
    await remove();
    return true;
  };

  for (;;) {
    try {
      if (isOver() || (await look())) return;
    } catch (error) {
      if (!isOver()) report('warn', 'event_transport_trouble', { consumer: former, error });
    }
    await pause(LOOK_MS);
  }
};

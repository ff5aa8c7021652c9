import { createEventBus } from 'mapbus';
import { kafka } from 'mapbus/kafka';
import { describe, expect, it } from 'vitest';
import { ensureService } from '../../scripts/services/main.ts';
import { unique, until } from '../faults/support.ts';
import { available } from './support.ts';

// What Kafka takes at once by default is 1,048,588 bytes: the event fits, and a dead letter with its error does not.
const LARGE = 'x'.repeat(1_046_500);

describe.each(await available(['kafka']))('an event that cannot become a dead letter over %s', async (kind) => {
  const { url } = await ensureService(kind);

  it('is not given up when its process ends, and comes again', async () => {
    const name = unique('large');
    const service = unique('archive');
    const logged: string[] = [];
    const log = (message: string) => void logged.push(message);
    const logger = { debug: () => {}, warn: log, error: log };
    const open = async (handler: () => void) => {
      const transport = kafka({ brokers: [url], service, maxAttempts: 1, maxEventBytes: 1_048_000 });
      const bus = createEventBus<Record<string, unknown>>({ transport, logger });
      bus.subscribe(name, handler, { name: 'archive' });
      await bus.ready();
      return bus;
    };
    const first = await open(() => {
      throw new Error('y'.repeat(4_096));
    });
    expect((await first.publish(name, LARGE)).error).toBeUndefined();
    await until('the failure to be logged', () => logged.includes('event_delivery_failed'));
    await first.close();

    let handled = 0;
    const second = await open(() => void handled++);
    await until('the event to come again', () => handled > 0);
    await second.close();

    expect(handled).toBe(1);
  }, 60_000);
});

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { ProduceAcks } from '@platformatic/kafka';
import { describe, expect, it, onTestFinished } from 'vitest';
import { connect, DEAD, kinds, lettersOf, receive, retryOf, sendAll, specOf, unique, until } from './tools.ts';

// On one broker nothing else shows the difference. The faults at full size have a cluster.
const CHANNEL = 'tracing:plt:kafka:producer:sends:start';

describe.each(kinds)('what is confirmed, over %s', () => {
  it('is at all replicas: events, retries and dead letters', async () => {
    const acks: unknown[] = [];
    const note = (message: unknown) => {
      acks.push((message as { options: { acks: unknown } }).options.acks);
    };
    subscribe(CHANNEL, note);
    onTestFinished(() => void unsubscribe(CHANNEL, note));
    const [service, name] = [unique('s'), unique('e')];
    const { connection } = await connect(service);
    await receive(connection, specOf('read', name, { retryDelaysMs: [100] }), async ({ attempt }) =>
      attempt === 1 ? retryOf(2, 100) : DEAD,
    );

    await sendAll(connection, name, [1]);

    await until('the dead letter', async () => (await lettersOf(connection)).length === 1);
    expect(acks.length).toBeGreaterThanOrEqual(3);
    expect(new Set(acks)).toEqual(new Set([ProduceAcks.ALL]));
  });
});

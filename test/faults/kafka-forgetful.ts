import { Admin, ConfigResourceTypes, IncrementalAlterConfigOperationTypes } from '@platformatic/kafka';
import { expect, it } from 'vitest';
import { createBroker, folderOf } from '../../scripts/services/broker.ts';
import { createForgetfulKafka } from '../../scripts/services/kafka.ts';
import { after, openBus, publishAll, report, unique, until } from './support.ts';

/** What becomes of a consumer that is away for so long that Kafka forgets what it needs. */
export const testForgetfulKafka = async (): Promise<void> => {
  const kind = createForgetfulKafka();
  kind.install(folderOf(kind.name));
  const broker = createBroker(kind);
  await broker.startFresh();
  const address = `127.0.0.1:${kind.port}`;
  const url = `kafka://${address}?sessionTimeoutMs=2000`;

  /** A service with one consumer, which notes the numbers of its events. */
  const open = async (service: string, name: string, seen: number[], lines: string[] = []) => {
    const log = (message: string) => void lines.push(message);
    const bus = await openBus(url, service, { logger: { debug: () => {}, warn: log, error: log } });
    bus.consume(name, 'note', (payload) => void seen.push((payload as { index: number }).index));
    await bus.ready();
    return bus;
  };
  const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);
  const sorted = (numbers: readonly number[]) => [...new Set(numbers)].sort((a, b) => a - b);

  it('a consumer that is away for longer than its offsets are kept loses nothing', async () => {
    const name = unique('forgotten');
    const service = unique('billing');
    const seen: number[] = [];
    const first = await open(service, name, seen);
    const publisher = await openBus(url, unique('shop'));
    await publishAll(publisher, name, 100, { inFlight: 1 });
    await until('the first events', () => sorted(seen).length === 100);
    await first.close();
    const admin = new Admin({ clientId: 'faults', bootstrapBrokers: [address] });
    const hasOffsets = async () => [...(await admin.listGroups()).keys()].some((group) => group.includes(service));
    await until('the end of the offsets', async () => !(await hasOffsets()), 180_000);
    await publishAll(publisher, name, 200, { inFlight: 1 });

    const later: number[] = [];
    const second = await open(service, name, later);
    await until('the events from before and from meanwhile', () => sorted(later).length === 200);

    report('kafka, away for longer than its offsets', { published: 300, cameTwice: later.length - 200 });
    expect(sorted(later)).toEqual(range(0, 200));
    await Promise.all([second.close(), publisher.close(), admin.close()]);
  });

  it('a consumer that is away for longer than retention says how many events are missing, and goes on', async () => {
    const name = unique('expired');
    const service = unique('billing');
    const seen: number[] = [];
    const first = await open(service, name, seen);
    const publisher = await openBus(url, unique('shop'));
    await publishAll(publisher, name, 10, { inFlight: 1 });
    await until('the first events', () => sorted(seen).length === 10);
    await first.close();
    const admin = new Admin({ clientId: 'faults', bootstrapBrokers: [address] });
    const topic = (await admin.listTopics()).find((each) => each.endsWith(name.replaceAll('-', '--'))) ?? '';
    const configs = [
      { name: 'retention.ms', value: '2000' },
      { name: 'segment.ms', value: '1000' },
    ].map((config) => ({ ...config, configOperation: IncrementalAlterConfigOperationTypes.SET }));
    await admin.incrementalAlterConfigs({
      resources: [{ resourceType: ConfigResourceTypes.TOPIC, resourceName: topic, configs }],
    });
    await publishAll(publisher, name, 300, { inFlight: 10 });
    // A segment is removed once it is closed and all of it is older than its retention. New events close segments.
    const startOf = async () => {
      await publishAll(publisher, name, 3, { inFlight: 1 });
      const partitions = [0, 1, 2].map((partitionIndex) => ({ partitionIndex, timestamp: -2n }));
      const [found] = await admin.listOffsets({ topics: [{ name: topic, partitions }] });
      return found?.partitions.reduce((sum, { offset }) => sum + offset, 0n) ?? 0n;
    };
    await until('retention', async () => {
      await after(500);
      return (await startOf()) >= 300n;
    });

    const later: number[] = [];
    const lines: string[] = [];
    const second = await open(service, name, later, lines);
    const { confirmed } = await publishAll(publisher, name, 10);
    await until('new events', () => later.length >= confirmed.size);

    report('kafka, away for longer than retention', {
      cameAfterwards: later.length,
      lines: [...new Set(lines)].join(' '),
    });
    expect(lines).toContain('event_lost');
    await Promise.all([second.close(), publisher.close(), admin.close()]);
    await broker.stop();
  });
};

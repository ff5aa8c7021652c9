// A member of a group, in a process of its own that can be killed and frozen. It tells its parent what it gets.
import { Consumer, type ConsumerOptions } from '@platformatic/kafka';
import { kafka } from '../../dist/kafka.js';
import { createServiceBus } from '../../dist/service.js';
import { assignToSubscribers } from '../../src/kafka/assigner.ts';

export interface MemberOptions {
  readonly kind: 'classic' | 'consumer' | 'mapbus';
  readonly broker: string;
  readonly service: string;
  readonly event: string;
  readonly instanceId: string;
  readonly sessionMs: number;
}

/** What a member tells. Times are those of the clock. */
export type Told =
  | { readonly is: 'started'; readonly at: number }
  | { readonly is: 'assigned'; readonly at: number; readonly count: number }
  | { readonly is: 'got'; readonly at: number; readonly partition: number; readonly number: number };

export const CONSUMER = 'note';
export const PARTITIONS = 12;
export const topicOf = (event: string): string => `mapbus.events.${event}`;
export const groupOf = (service: string): string => `mapbus.${service}.${CONSUMER}`;

type Payload = { readonly partition: number; readonly number: number };

const tell = (told: Told): void => void process.send?.(told);
const got = ({ partition, number }: Payload): void => tell({ is: 'got', at: Date.now(), partition, number });

/** The client with as little around it as its manual allows. */
const openClient = (
  { broker, service, event, instanceId }: MemberOptions,
  own: Partial<ConsumerOptions<Buffer, Buffer, Buffer, Buffer>>,
) => {
  const consumer = new Consumer<Buffer, Buffer, Buffer, Buffer>({
    clientId: 'trial',
    bootstrapBrokers: [broker],
    groupId: groupOf(service),
    groupInstanceId: instanceId,
    autocommit: 500,
    maxWaitTime: 500,
    ...own,
  });
  consumer.on('error', () => {});
  let known = '';
  setInterval(() => {
    const count = (consumer.assignments ?? []).reduce((sum, { partitions }) => sum + partitions.length, 0);
    const now = JSON.stringify(consumer.assignments);
    if (now !== known) tell({ is: 'assigned', at: Date.now(), count });
    known = now;
  }, 2);
  const receive = async (): Promise<void> => {
    try {
      const stream = await consumer.consume({ topics: [topicOf(event)], mode: 'committed', fallbackMode: 'earliest' });
      stream.on('data', ({ value }) => got(JSON.parse(String(value)).data));
      // The stream ends at the first error.
      stream.on('error', () => setTimeout(receive, 500));
    } catch {
      setTimeout(receive, 500);
    }
  };
  void receive();
  return () => consumer.close(true);
};

const openMapbus = ({ broker, service, event, instanceId, sessionMs }: MemberOptions) => {
  const bus = createServiceBus<Record<string, Payload>>({
    service,
    transport: kafka({
      brokers: [broker],
      partitions: PARTITIONS,
      from: 'earliest',
      sessionTimeoutMs: sessionMs,
      instanceId,
    }),
    sends: 'all',
    logger: { debug: () => {}, warn: () => {}, error: () => {} },
  });
  bus.consume(event, CONSUMER, got);
  return () => bus.close();
};

const open = (options: MemberOptions) => {
  const { kind, sessionMs } = options;
  if (kind === 'mapbus') return openMapbus(options);
  // The consumer protocol has its times from the broker.
  if (kind === 'consumer') return openClient(options, { groupProtocol: 'consumer' });
  return openClient(options, {
    partitionAssigner: assignToSubscribers,
    sessionTimeout: sessionMs,
    rebalanceTimeout: sessionMs,
    heartbeatInterval: sessionMs / 10,
    requestTimeout: sessionMs + 5_000,
  });
};

if (process.send) {
  const options: MemberOptions = JSON.parse(process.argv[2] ?? '');
  tell({ is: 'started', at: Date.now() });
  const close = open(options);
  process.once('message', async () => {
    await close();
    process.exit();
  });
}

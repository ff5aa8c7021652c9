import { kafka } from 'mapbus/kafka';
import { rabbitmq } from 'mapbus/rabbitmq';
import { createServiceBus, memory } from 'mapbus/service';
import type { Transport } from 'mapbus/transport';
import { transportFromUrl } from 'mapbus/url';
import { expectType } from 'tsd';

interface AppEvents {
  'user.registered': { email: string };
  cleared: void;
}

// Every transport is given by one option.
expectType<Transport>(rabbitmq({ url: 'amqp://localhost' }));
expectType<Transport>(rabbitmq({ url: 'amqp://localhost', topology: 'check', connection: { heartbeat: 10 } }));
expectType<Transport>(kafka({ brokers: ['localhost:9092'] }));
expectType<Transport>(kafka({ brokers: ['localhost:9092'], partitions: 6, from: 'earliest', connection: { tls: {} } }));
expectType<Promise<Transport>>(transportFromUrl('memory:'));
const transports: readonly Transport[] = [memory(), rabbitmq({ url: 'amqp://localhost' })];
for (const transport of transports) createServiceBus<AppEvents>({ service: 'billing', transport, sends: 'all' });

// @ts-expect-error: no transport
createServiceBus<AppEvents>({ service: 'billing', transport: 'amqp://localhost', sends: 'all' });
// @ts-expect-error: a promise of a transport
createServiceBus<AppEvents>({ service: 'billing', transport: transportFromUrl('memory:'), sends: 'all' });
// @ts-expect-error: no url
rabbitmq({});
// @ts-expect-error: the URL has the password
rabbitmq({ url: 'amqp://localhost', connection: { password: 'secret' } });
// @ts-expect-error: the service is an option of the bus
rabbitmq({ url: 'amqp://localhost', service: 'billing' });
// @ts-expect-error: neither of the two
rabbitmq({ url: 'amqp://localhost', topology: 'guess' });
// @ts-expect-error: a list of brokers
kafka({ brokers: 'localhost:9092' });
// @ts-expect-error: no such option
kafka({ brokers: ['localhost:9092'], retries: 3 });
// @ts-expect-error: neither of the two
kafka({ brokers: ['localhost:9092'], from: 'yesterday' });

// @ts-expect-error: a missing variable is not memory
transportFromUrl(process.env.EVENT_BUS_URL);

import { type BusTransport, createEventBus } from 'mapbus';
import { kafka } from 'mapbus/kafka';
import { rabbitmq } from 'mapbus/rabbitmq';
import { recordEvents } from 'mapbus/testing';
import { transportFromUrl } from 'mapbus/url';
import { expectType } from 'tsd';

interface AppEvents {
  'user.registered': { email: string };
  cleared: void;
}

// Every transport is given by one option.
expectType<BusTransport>(rabbitmq({ url: 'amqp://localhost', service: 'billing' }));
expectType<BusTransport>(kafka({ brokers: ['localhost:9092'], service: 'billing' }));
expectType<Promise<BusTransport | undefined>>(transportFromUrl('memory:'));
const bus = createEventBus<AppEvents>({ transport: rabbitmq({ url: 'amqp://localhost', service: 'billing' }) });
createEventBus<AppEvents>({ transport: undefined });

// @ts-expect-error: no transport
createEventBus<AppEvents>({ transport: 'amqp://localhost' });
// @ts-expect-error: a durable transport needs a service
rabbitmq({ url: 'amqp://localhost' });
// @ts-expect-error: no url
rabbitmq({ service: 'billing' });
// @ts-expect-error: a list of brokers
kafka({ brokers: 'localhost:9092', service: 'billing' });
// @ts-expect-error: no such option
kafka({ brokers: ['localhost:9092'], service: 'billing', retries: 3 });

// @ts-expect-error: a missing variable is not memory
transportFromUrl(process.env.EVENT_BUS_URL);

// A key is a string.
bus.publish('user.registered', { email: 'ada@example.com' }, { key: 'ada' });
// @ts-expect-error: not a string
bus.publish('user.registered', { email: 'ada@example.com' }, { key: 7 });

// A recording is typed by the map.
const { published } = recordEvents(bus);
expectType<readonly { email: string }[]>(published('user.registered'));
// @ts-expect-error: no such event
published('user.deleted');

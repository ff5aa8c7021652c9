// Two services and a sign-up. EVENT_BUS_URL decides whether they use memory, RabbitMQ or Kafka.
//   npx tsx examples/two-services/main.ts
//   EVENT_BUS_URL=amqp://guest:guest@localhost npx tsx examples/two-services/main.ts
//   EVENT_BUS_URL=kafka://localhost:9092 npx tsx examples/two-services/main.ts
import { createEventBus } from 'mapbus';
import { transportFromUrl } from 'mapbus/url';
import { createAccounts } from './accounts.ts';
import type { AppEvents } from './events.ts';
import { createMail } from './mail.ts';

const url = process.env.EVENT_BUS_URL || 'memory:';

const createBus = async (service: string) =>
  createEventBus<AppEvents>({ transport: await transportFromUrl(url, { service }) });

const accountsBus = await createBus('example-accounts');
// In memory both services are in one process, and share its bus.
const mailBus = url === 'memory:' ? accountsBus : await createBus('example-mail');
const accounts = createAccounts(accountsBus);
const mail = createMail(mailBus);
await Promise.all([accountsBus.ready(), mailBus.ready()]);

const users = Array.from({ length: 10 }, (_, index) => `user-${Date.now()}-${index}`);
await Promise.all(users.map((userId) => accounts.signUp(userId, `${userId}@example.com`)));

const welcomed = users.filter((userId) => accounts.welcomed.includes(userId)).length;
const traced = users.filter((userId) => mail.sent.get(userId) === `sign-up-${userId}`).length;
console.log(`over ${url.split(':')[0]}: ${users.length} signed up, ${welcomed} welcomed, ${traced} traced`);
await Promise.all([accountsBus.close(), mailBus.close()]);
if (welcomed !== users.length || traced !== users.length) process.exitCode = 1;

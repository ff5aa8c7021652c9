// One contender in a process of its own, which does a round whenever it is asked to. In one process for all, contenders
// would make each other's code slower, and on Node 20 an AsyncLocalStorage of one makes the promises of all slower.
import { ensureService } from '../../scripts/services/main.ts';
import {
  openBusOnKafka,
  openBusOnRabbitmq,
  openKafka,
  openNest,
  openRabbitmq,
  openToolkit,
  type Side,
} from './sides.ts';

/** What the parent process gives as its argument, as JSON. */
export interface Job {
  readonly broker: 'rabbitmq' | 'kafka';
  readonly contender: keyof typeof contenders;
  /** How many events a round has. */
  readonly count: number;
  readonly consumerCount: number;
}

/** Events for each second. */
export interface Rates {
  readonly sent: number;
  readonly received: number;
}

const contenders = {
  rabbitmq: openRabbitmq,
  busOnRabbitmq: openBusOnRabbitmq,
  nest: openNest,
  toolkit: openToolkit,
  kafka: openKafka,
  busOnKafka: openBusOnKafka,
};

const IN_FLIGHT = 100;

/** From the second event on, since the first one may have to connect. */
const measureSending = async ({ send }: Side, count: number): Promise<number> => {
  await send();
  let left = count;
  const sendSome = async () => {
    while (left-- > 0) await send();
  };
  const begun = performance.now();
  await Promise.all(Array.from({ length: IN_FLIGHT }, sendSome));
  return (count / (performance.now() - begun)) * 1_000;
};

/** From the first event on, since what comes before it is connecting. */
const measureReceiving = ({ receive }: Side, count: number): Promise<number> =>
  new Promise((resolve) => {
    let received = 0;
    let begun = 0;
    receive(() => {
      if (received++ === 0) begun = performance.now();
      if (received === count) resolve((count / (performance.now() - begun)) * 1_000);
    });
  });

const { broker, contender, count, consumerCount } = JSON.parse(process.argv[2] ?? '') as Job;
const { url } = await ensureService(broker);

const measure = async (): Promise<Rates> => {
  const side = await contenders[contender](url, consumerCount);
  const sent = await measureSending(side, count);
  const received = await measureReceiving(side, count * consumerCount);
  await side.close();
  return { sent, received };
};

process.on('message', async () => process.send?.(await measure()));
process.send?.('ready');

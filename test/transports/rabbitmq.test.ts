import { rabbitmq } from 'mapbus/rabbitmq';
import { transportContract } from 'mapbus/testing';
import { describe, it } from 'vitest';
import { ensureService } from '../../scripts/services/main.ts';

const { url } = await ensureService('rabbitmq');

describe('RabbitMQ keeps the contract of transports', () => {
  for (const { name, run } of transportContract) {
    it(
      name,
      () =>
        run({ connect: (options) => rabbitmq({ ...options, url, singleActiveConsumer: name.includes('one key') }) }),
      60_000,
    );
  }
});

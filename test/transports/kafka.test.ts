import { kafka } from 'mapbus/kafka';
import { transportContract } from 'mapbus/testing';
import { describe, it } from 'vitest';
import { ensureService } from '../../scripts/services/main.ts';

const { url } = await ensureService('kafka');
const brokers = url.split(',');

describe('Kafka keeps the contract of transports', () => {
  for (const { name, needs, run } of transportContract) {
    if (needs.includes('receivesAll')) continue;
    it(name, () => run({ connect: (options) => kafka({ ...options, brokers }), timeoutMs: 30_000 }), 60_000);
  }
});

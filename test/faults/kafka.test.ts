import { describe } from 'vitest';
import { testFaults } from './faults.ts';
import { testKafkaCluster } from './kafka-cluster.ts';
import { testForgetfulKafka } from './kafka-forgetful.ts';
import { isFullSize } from './support.ts';

describe('over kafka', () => testFaults('kafka'));

// They need brokers of their own, and minutes.
if (isFullSize) {
  describe('over a kafka that forgets', testForgetfulKafka);
  describe('over a cluster of kafka', testKafkaCluster);
}

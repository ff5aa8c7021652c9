// Full size only: they need brokers of their own, and minutes. A file of its own, since it can run beside the others.
import { describe } from 'vitest';
import { testKafkaCluster } from './kafka-cluster.ts';
import { testForgetfulKafka } from './kafka-forgetful.ts';

describe('over a kafka that forgets', testForgetfulKafka);
describe('over a cluster of kafka', testKafkaCluster);

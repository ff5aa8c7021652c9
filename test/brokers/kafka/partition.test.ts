import { expect, it } from 'vitest';
import { partitionOf } from '../../../src/kafka/partition.ts';

it('a key has the partition that it has for publishers in Java', () => {
  // The keys and hashes of the tests of Kafka's own client.
  const known: Record<string, number> = {
    '21': -973932308,
    foobar: -790332482,
    'a-little-bit-long-string': -985981536,
    'a-little-bit-longer-string': -1486304829,
    lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8: -58897971,
    abc: 479470107,
  };

  for (const [key, hash] of Object.entries(known)) expect(partitionOf(Buffer.from(key))).toBe(hash & 0x7fffffff);
});

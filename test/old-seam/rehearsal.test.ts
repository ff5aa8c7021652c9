import { describe, it } from 'vitest';
import { transportContract } from '../../src/old-seam/contract.ts';
import { createNetwork, rehearsal } from '../../src/old-seam/rehearsal.ts';

describe('the rehearsal keeps the contract of transports', () => {
  for (const { name, needs, run } of transportContract) {
    it(name, async () => {
      const network = createNetwork();
      const { features } = rehearsal();
      if (!needs.every((feature) => features[feature])) return;
      await run({ connect: (options) => rehearsal({ ...options, network }), timeoutMs: 5_000 });
    }, 20_000);
  }
});

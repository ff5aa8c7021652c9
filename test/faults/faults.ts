import { available } from '../brokers/support.ts';
import { testConnections } from './connections.ts';
import { testMemory } from './memory.ts';
import { testOrder } from './order.ts';
import { testOutbox } from './outbox.ts';
import { testPoison } from './poison.ts';
import { testProcesses } from './processes.ts';
import { openSite, type Site } from './support.ts';

/** Declares the tests of one broker: a file for each, since they wait most of the time, and both can run at once. */
export const testFaults = async (kind: Site['kind']): Promise<void> => {
  if ((await available([kind])).length === 0) return;
  const site = await openSite(kind);
  testProcesses(site);
  testPoison(site);
  testOrder(site);
  testConnections(site);
  testMemory(site);
  await testOutbox(site);
};

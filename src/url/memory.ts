import { memory } from '../service/memory.ts';
import type { Transport } from '../transport/index.ts';
import { readQuery } from './query.ts';

/** `memory:`. Each URL is a transport of its own: buses that share events share the transport. */
export const openMemory = async (url: string): Promise<Transport> =>
  memory(readQuery(url, { maxDeadLetters: 'number' }));

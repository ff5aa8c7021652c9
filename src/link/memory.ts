import { SOURCE } from '../shared/cloud-event.ts';

/** How an event came to a bus. */
interface Arrival {
  /** Where it was published first. */
  readonly source: string;
  /** How many links it has passed. */
  readonly hops: number;
  /** The port by which it came. */
  readonly port?: object;
}

/** Milliseconds for which an event is remembered at least. It is twice as long at most. */
const REMEMBERED_MS = 10_000;

/**
 * The events that came or went through the links of one bus. Bounded by time and not by number: the two copies of an event
 * that comes by two ways are close in time, but thousands of others may be between them.
 */
const createMemory = () => {
  // By the clock that is never set back.
  let since = 0;
  let recent = new Map<string, Arrival>();
  let older = recent;
  const own: Arrival = { source: SOURCE + Math.random(), hops: 0 };

  /** What is known of an event. If that is nothing, `arrival` is remembered. */
  const recall = (name: string, id: string, arrival: Arrival): Arrival | undefined => {
    const key = `${id} ${name}`;
    const known = recent.get(key) ?? older.get(key);
    const now = performance.now();
    if (now - since > REMEMBERED_MS) {
      since = now;
      older = recent;
      recent = new Map();
    }
    if (!known) recent.set(key, arrival);
    return known;
  };
  return { own, recall };
};

// A name that every copy of the package finds: two copies in one page must remember the same events.
const MEMORY = Symbol.for('mapbus.link.1');

interface Holder {
  [MEMORY]?: ReturnType<typeof createMemory>;
}

/**
 * The memory of a bus, which all its links share: so an event that comes by two ways is published once, and one that comes
 * back is not published again.
 * @param holder a function of the bus, since a bus may be given in parts
 */
export const memoryOf = (holder: Holder) => {
  holder[MEMORY] ??= createMemory();
  return holder[MEMORY];
};

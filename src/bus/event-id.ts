import { UUID } from 'uuidv7';

/** The last millisecond that a UUIDv7 can hold, in the year 10889. */
const LAST_MILLISECOND = 2 ** 48 - 1;
/** How many ids one millisecond has. */
const SEQUENCES = 2 ** 25;

/** When an event was published. The events of one millisecond share it. */
export interface Moment {
  /** What the system's clock said. */
  readonly now: number;
  /** Milliseconds since 1970, as ids count them: never set back. */
  readonly time: number;
}

/** What the ids of one bus are made from. It is changed by every publish. */
export interface IdClock {
  moment: Moment;
  /** Counts the events of this millisecond. */
  sequence: number;
  /** Where the sequences of this bus begin, so that two buses rarely share one. Chosen when the first id is read. */
  base: number;
}

export const createIdClock = (): IdClock => ({ moment: { now: 0, time: 0 }, sequence: 0, base: -1 });

/**
 * Moves on to the next event. While the system's clock stands still or is set back, events are told apart by the
 * sequence (RFC 9562, section 6.2), so that ids never decrease.
 */
export const tick = (clock: IdClock, now: number): void => {
  const { moment } = clock;
  const sequence = ++clock.sequence;
  if (now === moment.now && sequence < SEQUENCES) return;
  const isFull = sequence === SEQUENCES;
  const time = Math.max(isFull ? moment.time + 1 : moment.time, Math.min(Math.floor(now), LAST_MILLISECOND) || 0);
  clock.moment = { now, time };
  if (time > moment.time) clock.sequence = 0;
};

const words = new Uint32Array(256);
let used = words.length;

const fill = (): void => {
  try {
    crypto.getRandomValues(words);
  } catch {
    // Without `crypto`, for example in React Native. The package uuidv7 does the same.
    for (let index = 0; index < words.length; index++) words[index] = Math.random() * 2 ** 32;
  }
};

/** 32 random bits. They are fetched by the kilobyte: a call for each id would take longer than the rest of the id. */
const random32 = (): number => {
  if (used === words.length) {
    fill();
    used = 0;
  }
  return Number(words[used++]);
};

/** The UUIDv7 of an event: 48 bits of time, 26 of a counter, 48 random bits. It may be generated long after the publish. */
export const createEventId = (clock: IdClock, { time }: Moment, sequence: number): string => {
  if (clock.base < 0) clock.base = random32() % SEQUENCES;
  const counter = clock.base + sequence;
  const high = counter >>> 14;
  const low = (counter & 0x3fff) * 2 ** 16 + (random32() >>> 16);
  return UUID.fromFieldsV7(Math.min(time, LAST_MILLISECOND), high, low, random32()).toString();
};

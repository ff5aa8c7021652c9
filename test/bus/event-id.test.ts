import { describe, expect, it } from 'vitest';
import { createEventId, createIdClock, tick } from '../../src/bus/event-id.ts';

describe('the clock of ids', () => {
  it('moves on to the next millisecond when the numbers of one are used up', () => {
    const clock = { ...createIdClock(), moment: { now: 1_000, time: 1_000 }, sequence: 2 ** 25 - 2 };
    tick(clock, 1_000);
    const last = { ...clock };

    tick(clock, 1_000);

    expect(last).toMatchObject({ moment: { time: 1_000 }, sequence: 2 ** 25 - 1 });
    expect(clock).toMatchObject({ moment: { time: 1_001 }, sequence: 0 });
  });

  it('stands still while the system is set back, and counts on', () => {
    const clock = { ...createIdClock(), moment: { now: 1_000, time: 1_000 }, sequence: 7 };

    tick(clock, 900);
    tick(clock, 901);

    expect(clock).toMatchObject({ moment: { now: 901, time: 1_000 }, sequence: 9 });
  });

  it('holds the smallest base, which is chosen once', () => {
    const clock = { ...createIdClock(), moment: { now: 1_000, time: 1_000 }, base: 0 };

    expect(createEventId(clock, clock.moment, 0).slice(14, 23)).toBe('7000-8000');
    expect(clock.base).toBe(0);
  });

  it('holds the largest counter beside the largest base', () => {
    const clock = { ...createIdClock(), moment: { now: 1_000, time: 1_000 }, base: 2 ** 25 - 1 };

    const first = createEventId(clock, clock.moment, 0);
    const last = createEventId(clock, clock.moment, 2 ** 25 - 1);

    // The version and 12 bits, then the variant and 14 bits.
    expect(first.slice(14, 23)).toBe('77ff-bfff');
    expect(last.slice(14, 23)).toBe('7fff-bffe');
  });
});

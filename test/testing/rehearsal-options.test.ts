import { rehearsal } from 'mapbus/testing';
import { expect, it } from 'vitest';

it.each([
  ['an unknown option', { retries: 3 }, 'rehearsal options: unknown option retries, expected seed, '],
  ['a seed', { seed: 'x' }, 'rehearsal options.seed: expected number, got "x"'],
  ['a share below 0', { duplicates: -0.1 }, 'rehearsal options.duplicates: expected number from 0 to 1, got -0.1'],
  ['a share above 1', { deaths: 1.1 }, 'rehearsal options.deaths: expected number from 0 to 1, got 1.1'],
  [
    'a share that is no number',
    { publishFailures: '1' },
    'rehearsal options.publishFailures: expected number from 0 to 1, got "1"',
  ],
  ['a delay', { maxDelayMs: -1 }, 'rehearsal options.maxDelayMs: expected milliseconds, got -1'],
])('rehearsal throws a TypeError for %s', (_, options, message) => {
  expect(() => rehearsal(options as never)).toThrow(TypeError);
  expect(() => rehearsal(options as never)).toThrow(message);
});

it('rehearsal tells its seed, to repeat it with', () => {
  expect(rehearsal({ seed: 42 }).seed).toBe(42);
  expect(rehearsal().seed).toBeGreaterThanOrEqual(0);
});

import { expect, it, onTestFinished, vi } from 'vitest';
import { createIntake, type Job } from '../../../src/kafka/intake.ts';
import { createPosition, takeInHand } from '../../../src/kafka/position.ts';
import { MANY, SUSPECTED_MS } from '../../../src/kafka/suspicion.ts';
import { createGate } from '../../support.ts';
import { DONE } from './tools.ts';

const positionOf = (opened: number) =>
  createPosition({
    topic: 't',
    partition: 0,
    begin: 0n,
    committed: undefined,
    isRetry: false,
    window: 10_000,
    suspicion: { opened, alone: undefined },
  });

const jobOf = (opened: number, key: string): Job => {
  const position = positionOf(opened);
  const inHand = takeInHand(position, 0n);
  const body = new Uint8Array();
  return { position, inHand, key, body, headers: {}, attributes: undefined, attempt: 1, deliveries: 1 };
};

const createTestIntake = (mark: () => Promise<void> = async () => {}) => {
  const started: unknown[] = [];
  const ends: (() => void)[] = [];
  const intake = createIntake({
    concurrency: 2,
    ordersByKey: false,
    deliver: ({ key }) => {
      started.push(key);
      return new Promise((resolve) => ends.push(() => resolve(DONE)));
    },
    carryOut: async () => 'safe',
    isMine: () => true,
    mark,
    finished: () => {},
    roomy: () => {},
  });
  intake.release();
  return { intake, started, end: () => ends.shift()?.() };
};

it('other events start when a suspect was lost while it was marked', async () => {
  const gate = createGate();
  const { intake, started } = createTestIntake(() => gate.promise);
  const suspect = jobOf(MANY, 'suspect');
  intake.take(suspect, 0);
  intake.pump();
  intake.take(jobOf(1, 'other'), 0);

  suspect.position.lost.abort(new Error('It belongs to another process'));
  intake.release();
  gate.open();

  await vi.waitFor(() => expect(started).toEqual(['other']));
});

it('suspected events are handled beside others once their time is over', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const { intake, started, end } = createTestIntake();
  for (const key of ['a', 'b']) intake.take(jobOf(1, key), 0);
  intake.pump();
  intake.take(jobOf(MANY, 'suspect'), 0);
  intake.take(jobOf(1, 'c'), 0);
  end();
  await vi.waitFor(() => expect(started).toEqual(['a', 'b', 'c']));

  vi.advanceTimersByTime(SUSPECTED_MS + 1);
  intake.take(jobOf(1, 'd'), 0);
  end();

  await vi.waitFor(() => expect(started).toEqual(['a', 'b', 'c', 'suspect']));
});

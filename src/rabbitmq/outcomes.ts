import { jittered } from '../shared/jittered.ts';
import type { ConnectionContext, ConsumerSpec, Outcome } from '../transport/index.ts';
import type { Declarer } from './declare-queue.ts';
import { codeOf, type Link, pause } from './link.ts';
import { deadLetters, type Letter, type Received, retryLetters } from './message.ts';
import type { Names } from './names.ts';
import type { Sender } from './sender.ts';
import { levelOf, type Topology } from './topology.ts';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;
/** An outcome that has no answer for so long is reported. */
const SILENT_MS = 10_000;

interface Parts {
  readonly names: Names;
  readonly topology: Topology;
  readonly sender: Sender;
  readonly link: Link;
  readonly declarer: Declarer;
  /** Whether the process may not make queues. */
  readonly isChecked: boolean;
  readonly report: ConnectionContext['report'];
}

/** Writes retries and dead letters. */
export const createOutcomes = ({ names, topology, sender, link, declarer, isChecked, report }: Parts) => {
  /** The broker or the client refuses a message for what it is, not for the state that the broker is in. */
  const isRefusal = (error: unknown): boolean =>
    error instanceof Error && 'outcome' in error && error.outcome === 'not-sent' && codeOf(error.cause) !== '';

  /** Sends the first copy that the broker takes. A full queue may have room later. */
  const sendOne = async (letters: readonly Letter[], signal: AbortSignal, declare: () => Promise<void>) => {
    for (const [index, { envelope, body }] of letters.entries()) {
      try {
        if (!(await sender.send({ ...envelope }, body, signal))) return true;
        await declare();
        return !(await sender.send({ ...envelope }, body, signal));
      } catch (error) {
        if (!isRefusal(error) || index === letters.length - 1) throw error;
      }
    }
    return false;
  };

  const place = (spec: ConsumerSpec, message: Received, outcome: Exclude<Outcome, { readonly is: 'done' }>) => {
    if (outcome.is === 'retry') {
      const queue = topology.retry(spec, levelOf(outcome.afterMs));
      return { queue, letters: retryLetters(message, outcome, queue.queue) };
    }
    return { queue: topology.dead(), letters: deadLetters(message, outcome, spec.consumer, names.dead) };
  };

  /** Resolves once the outcome is safe at the broker. Rejects if the delivery is lost before that. */
  const carryOut = async (
    spec: ConsumerSpec,
    message: Received,
    outcome: Exclude<Outcome, { readonly is: 'done' }>,
    signal: AbortSignal,
  ): Promise<void> => {
    const { queue, letters } = place(spec, message, outcome);
    const declare = async () => {
      report('warn', 'event_queue_missing', { queue: queue.queue });
      // A queue that is gone is made again.
      if (!isChecked) await link.ask((channel) => declarer.declare(channel, queue));
    };
    let isTold = false;
    const tell = (error: unknown): void => {
      if (!isTold) report('warn', 'event_outcome_delayed', { consumer: spec.consumer, outcome: outcome.is, error });
      isTold = true;
    };
    const silence = setTimeout(tell, SILENT_MS, new Error(`RabbitMQ has not answered for ${SILENT_MS} ms`)).unref();
    try {
      for (let ms = FIRST_PAUSE_MS; ; ms = Math.min(ms * 2, LONGEST_PAUSE_MS)) {
        let cause: unknown;
        try {
          if (await sendOne(letters, signal, declare)) return;
        } catch (error) {
          cause = error;
        }
        signal.throwIfAborted();
        tell(cause);
        await pause(jittered(ms));
      }
    } finally {
      clearTimeout(silence);
    }
  };
  return { carryOut };
};

export type Outcomes = ReturnType<typeof createOutcomes>;

import type { Delivery, Outcome, StoredDeadLetter } from 'mapbus/transport';
import { type Call, type Fault, type Running, type Shared, textOf } from './with-fault.ts';

/** A transport with one fault, and the clauses that it breaks. */
export interface Broken {
  readonly fault: string;
  readonly breaks: readonly string[];
  readonly create: (shared: Shared) => Fault;
}

export const broken = (fault: string, breaks: string | readonly string[], create: Broken['create']): Broken => ({
  fault,
  breaks: [breaks].flat(),
  create,
});

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export const NEVER = new Promise<never>(() => {});

export const neverAborted = () => new AbortController().signal;

/** The event in a body; without members if there is none. */
export const parsed = (body: string | Uint8Array): Readonly<Record<string, unknown>> => {
  try {
    const event: unknown = JSON.parse(textOf(body));
    return typeof event === 'object' && event !== null ? { ...event } : {};
  } catch {
    return {};
  }
};

export const rewritten = (body: string | Uint8Array): string | Uint8Array => {
  try {
    return JSON.stringify(JSON.parse(textOf(body)));
  } catch {
    return body;
  }
};

export const blocksAt = (isPoison: (delivery: Delivery) => boolean): Fault => ({
  deliver: ({ delivery, run }) => (isPoison(delivery) ? NEVER : run()),
});

export const isOrdered = ({ running: { spec }, delivery }: Call): boolean =>
  spec.order === 'key' && delivery.key !== undefined;

export const haveOneName = (one: Running, other: Running): boolean =>
  other.spec.names.some((name) => one.spec.names.includes(name));

/** Times that are waited for, until they are over or given up. */
export const createWaits = () => {
  const waits = new Set<() => void>();
  const wait = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        waits.delete(end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      waits.add(end);
    });
  const giveUp = () => {
    for (const end of [...waits]) end();
  };
  return { wait, giveUp };
};

/** Dead letters that a transport should not have made. */
export const createFalseLetters = () => {
  const falseLetters: StoredDeadLetter[] = [];
  const add = (outcome: Outcome, { spec: { consumer } }: Running, { body }: Delivery): void => {
    if (outcome.is !== 'dead') return;
    const { reason, attempt, error } = outcome;
    falseLetters.push({
      ref: `false ${falseLetters.length}`,
      consumer,
      reason,
      attempt,
      error,
      diedAt: new Date(),
      body,
    });
  };
  return { add, page: (letters: readonly StoredDeadLetter[]) => [...letters, ...falseLetters] };
};

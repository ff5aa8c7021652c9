import { check } from '../shared/check.ts';

/**
 * Awaits a part of the work of a handler, and gives its result. In some runs it fails after that, as if the process had died
 * there.
 * @param name of the part, in the message of a difference
 * @example
 * await step('charged', payments.charge(orderId));
 */
export type Step = <Result>(name: string, work: Result | PromiseLike<Result>) => Promise<Result>;

/** A step that a run has taken. */
export interface TakenStep {
  readonly name: string;
  /** The event that was handled. */
  readonly event: string;
}

/** The steps of one run. */
export interface Steps {
  readonly step: Step;
  readonly taken: readonly TakenStep[];
  /** Names the event that is handled from now on. */
  readonly begin: (event: string) => void;
}

/** @param failAfter the index of the step after which the run fails once */
export const createSteps = (failAfter: number | undefined): Steps => {
  const taken: TakenStep[] = [];
  let event = '';
  const step: Step = async (name, work) => {
    check('step name', name, 'string that is not empty');
    const result = await work;
    const index = taken.push({ name, event }) - 1;
    if (index === failAfter) throw new Error(`[mapbus] proveIdempotent lets the handler fail after the step ${name}`);
    return result;
  };
  return {
    step,
    taken,
    begin: (next) => {
      event = next;
    },
  };
};

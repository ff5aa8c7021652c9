import type { ObservedOutcome, Observer } from '../bus/types.ts';
import type { SafeCall } from '../shared/safe-call.ts';

/** Tells the observers what becomes of a delivery. */
export type Settled = (settled: ObservedOutcome) => void;

/** `undefined` if no observer wants to know. */
export const createSettled = (observers: readonly Observer[], safeCall: SafeCall): Settled | undefined => {
  if (!observers.some(({ settle }) => settle)) return undefined;
  return (settled) => {
    observers.forEach((observer, index) => {
      safeCall(`settle of observer ${index}`, () => observer.settle?.(settled));
    });
  };
};

import { isObject } from './check.ts';
import { whenSettled } from './promises.ts';

/** Calls a function that the user gave to the bus. What it throws or rejects with never reaches the caller. */
export type SafeCall = (what: string, call: () => unknown) => void;

/** Reports to the console that a function of the user failed. */
export type Report = (what: string, error: unknown) => void;

/** Failures are reported to the console, once for each `what`, so that a broken logger does not flood it. */
export const createSafeCall = (): { readonly safeCall: SafeCall; readonly report: Report } => {
  const reported = new Set<string>();
  const report: Report = (what, error) => {
    if (reported.has(what)) return;
    reported.add(what);
    try {
      console.error(`[mapbus] ${what} failed. Its further failures are not shown.`, error);
    } catch {
      // Without a console there is nowhere left to report to.
    }
  };
  const safeCall: SafeCall = (what, call) => {
    try {
      const returned = call();
      if (isObject(returned))
        whenSettled(
          returned,
          () => {},
          (error) => report(what, error),
        );
    } catch (error) {
      report(what, error);
    }
  };
  return { safeCall, report };
};

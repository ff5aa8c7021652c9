/** What the command ends with. The page docs/command-line.md says the same. */
export const EXIT = {
  done: 0,
  /** Something went wrong, or not all was done. */
  failed: 1,
  /** The command, an option or the URL is wrong, or the package of a client is missing. Nothing was done. */
  usage: 2,
  /** What is at the broker differs from the plan. */
  differs: 3,
  /** The broker cannot be reached, or refuses the credentials. */
  unreachable: 4,
  /** Ctrl-C. */
  interrupted: 130,
  /** Nobody reads the output any more. */
  brokenPipe: 141,
  /** Asked to end by another process. */
  terminated: 143,
} as const;

/** Why the command is to stop early. */
export type StopReason = 'interrupted' | 'brokenPipe' | 'terminated';

/** The code of a command that was stopped early; `undefined` if it was not. */
export const codeOfStop = (stopped: AbortSignal): number | undefined =>
  stopped.aborted ? EXIT[stopped.reason as StopReason] : undefined;

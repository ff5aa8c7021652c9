import type { Io } from './io.ts';
import type { Opening, Work } from './open.ts';
import type { TargetOptions } from './options.ts';

/** What the commands are made of. */
export interface ProgramParts {
  readonly io: Io;
  /** Connects to the broker that the options say, and works. */
  readonly work: (options: TargetOptions, work: Work, opening?: Opening) => Promise<void>;
}

import { type Command, CommanderError } from 'commander';
import { codeOfStop, EXIT } from './exit-codes.ts';
import { createRedact, exitCodeOf, explainAt } from './failure.ts';
import type { Io } from './io.ts';
import type { Connect } from './open.ts';
import { createProgram } from './program.ts';

/** Help goes to standard output, and what is wrong with a command to standard error. */
const configure = (io: Io, command: Command, written: Promise<void>[]): void => {
  command
    .exitOverride()
    .showHelpAfterError('Add --help to see what there is.')
    .configureOutput({
      writeOut: (text) => void written.push(io.out(text)),
      writeErr: io.err,
      outputError: (text, write) => write(text.replace(/^error: /, 'mapbus: ')),
      getOutHelpWidth: () => Math.min(io.columns, 100),
      getErrHelpWidth: () => Math.min(io.columns, 100),
      getOutHasColors: () => io.hasColour,
      getErrHasColors: () => io.hasColour,
    });
  for (const each of command.commands) configure(io, each, written);
};

/** The URL of the options, for what is told of an error. */
const urlIn = (args: readonly string[]): string | undefined => {
  const index = args.findIndex((arg) => arg === '--url' || arg.startsWith('--url='));
  if (index < 0) return undefined;
  const [, value] = /^--url=(.*)$/s.exec(args[index] ?? '') ?? [];
  return value ?? args[index + 1];
};

/**
 * Runs a command.
 * @returns what the process ends with. Never rejects
 */
export const run = async (args: readonly string[], io: Io, connect: Connect, version: string): Promise<number> => {
  const url = urlIn(args) ?? io.env.EVENT_BUS_URL;
  const redact = createRedact(url);
  const written: Promise<void>[] = [];
  let code: number = EXIT.done;
  const safe: Io = { ...io, err: (text) => io.err(redact(text)) };
  const program = createProgram(safe, connect, version, (ended) => {
    code = ended;
  });
  configure(safe, program, written);
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      // Help that was not asked for is told since a command is missing.
      code = error.exitCode === 0 ? EXIT.done : EXIT.usage;
    } else {
      safe.err(`mapbus: ${explainAt(url, error)}\n`);
      code = codeOfStop(io.stopped) ?? exitCodeOf(error);
    }
  }
  await Promise.all(written);
  // What was written last may not have been read.
  return io.stopped.reason === 'brokenPipe' && code === EXIT.done ? EXIT.brokenPipe : code;
};

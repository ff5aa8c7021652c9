import { Command } from 'commander';
import { addConsumerCommands } from './consumers-program.ts';
import { addEventCommands } from './events-program.ts';
import { ABOUT, AFTER } from './help.ts';
import type { Io } from './io.ts';
import { addLetterCommands } from './letters-program.ts';
import { type Connect, withConnection } from './open.ts';
import { targetOf } from './options.ts';
import type { ProgramParts } from './program-parts.ts';

/** The command line. A command says what the process ends with to `ended`. */
export const createProgram = (io: Io, connect: Connect, version: string, ended: (code: number) => void): Command => {
  const program = new Command('mapbus')
    .description(ABOUT)
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText('after', AFTER);
  const work: ProgramParts['work'] = async (options, run, opening = {}) =>
    ended(await withConnection(io, connect, targetOf(io, options), opening, run));
  const parts = { io, work };
  addLetterCommands(program, parts);
  addConsumerCommands(program, parts);
  addEventCommands(program, parts);
  return program;
};

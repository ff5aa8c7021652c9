import type { Command } from 'commander';
import { usageError } from './failure.ts';
import { DISCARD_AFTER, LIST_AFTER, REDRIVE_AFTER, SHOW_AFTER } from './help.ts';
import {
  type Change,
  changeLetters,
  checkChange,
  DISCARD,
  listLetters,
  REDRIVE,
  showLetter,
} from './letters-commands.ts';
import {
  type FilterOptions,
  filterOf,
  type JsonOption,
  type TargetOptions,
  withFilters,
  withJson,
  withLimit,
  withTarget,
} from './options.ts';
import type { ProgramParts } from './program-parts.ts';

type ListFlags = TargetOptions & FilterOptions & JsonOption & { readonly limit?: number; readonly after?: string };
type ShowFlags = TargetOptions & JsonOption & { readonly body?: true };
type ChangeFlags = TargetOptions &
  FilterOptions &
  JsonOption & { readonly all?: true; readonly limit?: number; readonly dryRun?: true; readonly yes?: true };

const addList = (letters: Command, { io, work }: ProgramParts): void => {
  withLimit(withJson(withFilters(withTarget(letters.command('list')))), 'so many at most (default: 50)')
    .description('list dead letters, the oldest first')
    .option('--after <cursor>', 'the next page: what the page before has told')
    .addHelpText('after', LIST_AFTER)
    .action((options: ListFlags) => {
      const { json = false, limit = 50, after } = options;
      const wanted = { filter: filterOf(options), limit, after, json };
      return work(options, (connection) => listLetters(io, connection, wanted));
    });
};

const addShow = (letters: Command, { io, work }: ProgramParts): void => {
  withJson(withTarget(letters.command('show')))
    .description('show all of a dead letter')
    .argument('<ref>', 'the ref of the letter, as the list shows it')
    .option('--body', 'print the body alone, byte for byte')
    .addHelpText('after', SHOW_AFTER)
    .action((ref: string, options: ShowFlags) => {
      const { json = false, body = false } = options;
      if (json && body) throw usageError('show: expected --json or --body, got both');
      return work(options, (connection) => showLetter(io, connection, ref, { json, body }));
    });
};

const addChange = (letters: Command, change: Change, { io, work }: ProgramParts): void => {
  const isDiscard = change === DISCARD;
  const command = withTarget(letters.command(change.verb))
    .description(isDiscard ? 'remove dead letters for good' : 'give dead letters back to their consumers')
    .argument('[refs...]', 'the refs of the letters; left out with a filter or --all');
  withLimit(withJson(withFilters(command)), 'so many of those that fit, the oldest first')
    .option('--all', 'all dead letters of the service')
    .option('--dry-run', `only show which letters this would ${change.verb}`);
  if (isDiscard) command.option('--yes', 'say that the letters may be removed for good');
  command
    .addHelpText('after', isDiscard ? DISCARD_AFTER : REDRIVE_AFTER)
    .action((refs: string[], options: ChangeFlags) => {
      const { json = false, all = false, dryRun = false, limit, yes = false } = options;
      const wanted = { refs: [...new Set(refs)], filter: filterOf(options), all, limit, dryRun, json };
      checkChange(change, wanted);
      if (isDiscard && !dryRun && !yes)
        throw usageError('discard: expected --yes, or --dry-run to see what it would do');
      return work(options, (connection) => changeLetters(io, connection, change, wanted));
    });
};

export const addLetterCommands = (program: Command, parts: ProgramParts): void => {
  const letters = program.command('dead-letters').description('list, show, redrive and discard dead letters');
  addList(letters, parts);
  addShow(letters, parts);
  addChange(letters, REDRIVE, parts);
  addChange(letters, DISCARD, parts);
};

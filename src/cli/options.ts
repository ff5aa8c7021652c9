import { type Command, Option } from 'commander';
import { usageError } from './failure.ts';
import { type LetterFilter, REASONS, readCount, readDuration } from './filter.ts';
import type { Io } from './io.ts';
import type { Target } from './open.ts';

/** Where a command works, as its options say it. */
export interface TargetOptions {
  readonly url?: string | undefined;
  readonly service?: string | undefined;
  readonly namespace?: string | undefined;
}

export interface FilterOptions {
  readonly consumer?: string;
  readonly event?: string;
  readonly eventId?: string;
  readonly reason?: string;
  readonly olderThan?: number;
  readonly newerThan?: number;
}

export interface JsonOption {
  readonly json?: true;
}

/** As `createServiceBus` takes them. */
const IDENTIFIER = /^[a-zA-Z0-9][a-zA-Z0-9_-]{0,99}$/;

const checkName = (option: string, name: string): void => {
  if (IDENTIFIER.test(name)) return;
  throw usageError(`${option}: expected letters, digits, dashes and underscores, got ${JSON.stringify(name)}`);
};

/** @throws an error if it is not said where */
export const targetOf = ({ env }: Pick<Io, 'env'>, { url: given, service, namespace = '' }: TargetOptions): Target => {
  const url = given ?? env.EVENT_BUS_URL;
  if (url === undefined || url === '') throw usageError('Expected a URL of the broker in EVENT_BUS_URL or --url');
  if (service === undefined) throw usageError('Expected --service, the name of the service');
  checkName('--service', service);
  if (namespace !== '') checkName('--namespace', namespace);
  return { url, urlFrom: given === undefined ? 'EVENT_BUS_URL' : '--url', service, namespace };
};

export const filterOf = ({ consumer, event, eventId, reason, olderThan, newerThan }: FilterOptions): LetterFilter => ({
  consumer,
  event,
  eventId,
  reason,
  olderThanMs: olderThan,
  newerThanMs: newerThan,
});

export const withTarget = (command: Command, service = 'the name of the service'): Command =>
  command
    .option('--url <url>', 'URL of the broker (default: EVENT_BUS_URL)')
    .option('--service <name>', service)
    .option('--namespace <name>', 'the namespace of the service');

export const withJson = (command: Command): Command => command.option('--json', 'print JSON');

export const withFilters = (command: Command): Command =>
  command
    .option('--consumer <name>', 'letters of this consumer')
    .option('--event <name>', 'letters of this event; * stands for any characters')
    .option('--event-id <id>', 'letters of the event with this id')
    .addOption(new Option('--reason <reason>', 'letters that died of this').choices(REASONS))
    .option('--older-than <time>', 'letters that died before this time: 30s, 15m, 2h, 7d', (text) =>
      readDuration('--older-than', text),
    )
    .option('--newer-than <time>', 'letters that died within this time', (text) => readDuration('--newer-than', text));

export const withLimit = (command: Command, text: string): Command =>
  command.option('--limit <count>', text, (value) => readCount('--limit', value));

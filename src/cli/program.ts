import { Command, Option } from 'commander';
import { listConsumers, removeConsumer } from './consumers-commands.ts';
import { createRedact, usageError } from './failure.ts';
import { type LetterFilter, REASONS, readCount, readDuration } from './filter.ts';
import * as help from './help.ts';
import type { Io } from './io.ts';
import { changeLetters, checkChange, DISCARD, listLetters, REDRIVE, showLetter } from './letters-commands.ts';
import { type Connect, type Target, withConnection } from './open.ts';
import { plan } from './plan-command.ts';
import { loadPlanModule } from './plan-module.ts';
import { publish, readEvent, toMessage } from './publish-command.ts';
import { tail } from './tail-command.ts';

interface TargetOptions {
  readonly url?: string;
  readonly service?: string;
  readonly namespace?: string;
}

interface FilterOptions {
  readonly consumer?: string;
  readonly event?: string;
  readonly reason?: string;
  readonly olderThan?: number;
  readonly newerThan?: number;
}

interface Json {
  readonly json?: true;
}

type ChangeFlags = TargetOptions &
  FilterOptions &
  Json & { readonly all?: true; readonly limit?: number; readonly dryRun?: true; readonly yes?: true };

/** Where there is no service of one's own. */
const NO_SERVICE = 'mapbus-cli';

const targetOf = ({ env }: Io, { url = env.EVENT_BUS_URL, service, namespace = '' }: TargetOptions): Target => {
  if (url === undefined || url === '') throw usageError('Expected a URL of the broker in EVENT_BUS_URL or --url');
  if (service === undefined) throw usageError('Expected --service, the name of the service');
  for (const [option, name] of [
    ['--service', service],
    ['--namespace', namespace],
  ] as const)
    if (name !== '' && !/^[a-zA-Z0-9][a-zA-Z0-9_-]{0,99}$/.test(name))
      throw usageError(`${option}: expected letters, digits, dashes and underscores, got ${JSON.stringify(name)}`);
  return { url, service, namespace };
};

const filterOf = ({ consumer, event, reason, olderThan, newerThan }: FilterOptions): LetterFilter => ({
  consumer,
  event,
  reason,
  olderThanMs: olderThan,
  newerThanMs: newerThan,
});

const withTarget = (command: Command, service: string): Command =>
  command
    .option('--url <url>', 'URL of the broker (default: EVENT_BUS_URL)')
    .option('--service <name>', service)
    .option('--namespace <name>', 'the namespace of the service');

const withJson = (command: Command): Command => command.option('--json', 'print JSON');

const withFilters = (command: Command): Command =>
  command
    .option('--consumer <name>', 'letters of this consumer')
    .option('--event <name>', 'letters of this event; * stands for any characters')
    .addOption(new Option('--reason <reason>', 'letters that died of this').choices(REASONS))
    .option('--older-than <time>', 'letters that died before this time: 30s, 15m, 2h, 7d', (text) =>
      readDuration('--older-than', text),
    )
    .option('--newer-than <time>', 'letters that died within this time', (text) => readDuration('--newer-than', text));

const withLimit = (command: Command, text: string): Command =>
  command.option('--limit <count>', text, (value) => readCount('--limit', value));

/** The command line. Each command says what it ends with to `ended`. */
export const createProgram = (io: Io, connect: Connect, version: string, ended: (code: number) => void): Command => {
  const redactOf = ({ url = io.env.EVENT_BUS_URL }: TargetOptions) => createRedact(url);
  const service = 'the name of the service';

  const program = new Command('mapbus')
    .description(help.ABOUT)
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText('after', help.AFTER);

  const letters = program.command('dead-letters').description('list, show, redrive and discard dead letters');

  withLimit(withJson(withFilters(withTarget(letters.command('list'), service))), 'so many at most (default: 50)')
    .description('list dead letters, the oldest first')
    .option('--after <cursor>', 'the next page: what the page before has told')
    .addHelpText('after', help.LIST_AFTER)
    .action(async (options: TargetOptions & FilterOptions & Json & { limit?: number; after?: string }) => {
      const { json = false, limit = 50, after } = options;
      const target = targetOf(io, options);
      const wanted = { filter: filterOf(options), limit, after, json };
      ended(
        await withConnection(io, connect, target, { redact: redactOf(options) }, (own) => listLetters(io, own, wanted)),
      );
    });

  withJson(withTarget(letters.command('show'), service))
    .description('show all of a dead letter')
    .argument('<ref>', 'the ref of the letter, as the list shows it')
    .option('--body', 'print the body alone, byte for byte')
    .addHelpText('after', help.SHOW_AFTER)
    .action(async (ref: string, options: TargetOptions & Json & { body?: true }) => {
      const { json = false, body = false } = options;
      if (json && body) throw usageError('show: expected --json or --body, got both');
      const target = targetOf(io, options);
      ended(
        await withConnection(io, connect, target, { redact: redactOf(options) }, (own) =>
          showLetter(io, own, ref, { json, body }),
        ),
      );
    });

  for (const change of [REDRIVE, DISCARD]) {
    const isDiscard = change === DISCARD;
    const command = withTarget(letters.command(change.verb), service)
      .description(isDiscard ? 'remove dead letters for good' : 'give dead letters back to their consumers')
      .argument('[refs...]', 'the refs of the letters; left out with a filter or --all');
    withLimit(withJson(withFilters(command)), 'so many of those that fit, the oldest first')
      .option('--all', 'all dead letters of the service')
      .option('--dry-run', `only show which letters this would ${change.verb}`);
    if (isDiscard) command.option('--yes', 'say that the letters may be removed for good');
    command
      .addHelpText('after', isDiscard ? help.DISCARD_AFTER : help.REDRIVE_AFTER)
      .action(async (refs: string[], options: ChangeFlags) => {
        const { json = false, all = false, dryRun = false, limit, yes = false } = options;
        const wanted = { refs: [...new Set(refs)], filter: filterOf(options), all, limit, dryRun, json };
        checkChange(change, wanted);
        if (isDiscard && !dryRun && !yes)
          throw usageError('discard: expected --yes, or --dry-run to see what it would do');
        const target = targetOf(io, options);
        ended(
          await withConnection(io, connect, target, { redact: redactOf(options) }, (own) =>
            changeLetters(io, own, change, wanted),
          ),
        );
      });
  }

  const consumers = program.command('consumers').description('list and remove the consumers of a service');

  withJson(withTarget(consumers.command('list'), service))
    .description('list the consumers that the broker knows')
    .option('--orphans', 'only those that no process runs')
    .addHelpText('after', help.CONSUMERS_AFTER)
    .action(async (options: TargetOptions & Json & { orphans?: true }) => {
      const { json = false, orphans = false } = options;
      const target = targetOf(io, options);
      ended(
        await withConnection(io, connect, target, { redact: redactOf(options) }, (own) =>
          listConsumers(io, own, { json, orphans }),
        ),
      );
    });

  withJson(withTarget(consumers.command('remove'), service))
    .description('remove a consumer that no process runs, with what waits for it')
    .argument('<consumer>', 'the name of the consumer')
    .option('--dry-run', 'only show what this would remove')
    .option('--yes', 'say that its waiting events may be removed for good')
    .addHelpText('after', help.REMOVE_AFTER)
    .action(async (name: string, options: TargetOptions & Json & { dryRun?: true; yes?: true }) => {
      const { json = false, dryRun = false, yes = false } = options;
      if (!dryRun && !yes) throw usageError('remove: expected --yes, or --dry-run to see what it would do');
      const target = targetOf(io, options);
      ended(
        await withConnection(io, connect, target, { redact: redactOf(options) }, (own) =>
          removeConsumer(io, own, name, { dryRun, json }),
        ),
      );
    });

  withJson(withTarget(program.command('plan'), `${service} (default: that of the module)`))
    .description('show what has to exist at the broker, and what differs')
    .argument('<module>', 'a module that registers the consumers of the service')
    .option('--offline', 'ask no broker: only show what has to exist')
    .addHelpText('after', help.PLAN_AFTER)
    .action(async (path: string, options: TargetOptions & Json & { offline?: true }) => {
      const { json = false, offline = false } = options;
      const module = await loadPlanModule(path);
      const { service: ownService, namespace: ownNamespace = '', sends = 'all' } = module.options;
      const target = targetOf(io, {
        ...options,
        service: options.service ?? ownService,
        namespace: options.namespace ?? ownNamespace,
      } as TargetOptions);
      const opening = { redact: redactOf(options), sends: sends === 'all' ? sends : new Set(sends) };
      ended(
        await withConnection(io, connect, target, opening, (own) =>
          plan(io, own, module, { service: target.service, offline, json }),
        ),
      );
    });

  withLimit(
    withJson(withTarget(program.command('tail'), `a name for this tail (default: ${NO_SERVICE})`)),
    'end after so many events',
  )
    .description('show events as they pass')
    .argument('[names...]', 'names of events; * stands for any characters')
    .addHelpText('after', help.TAIL_AFTER)
    .action(async (names: string[], options: TargetOptions & Json & { limit?: number }) => {
      const { json = false, limit, service: own = NO_SERVICE } = options;
      const target = targetOf(io, { ...options, service: own });
      let isListening = false;
      const opening = { redact: redactOf(options), showsTrouble: () => isListening };
      const listening = () => {
        isListening = true;
      };
      ended(
        await withConnection(io, connect, target, opening, (connection) =>
          tail(io, connection, names, { json, limit, listening }),
        ),
      );
    });

  withJson(withTarget(program.command('publish'), `the service that publishes it (default: ${NO_SERVICE})`))
    .description('publish an event')
    .argument('[event]', 'the name of the event; left out with --cloud-event')
    .argument('[file]', 'the file with the payload; - or left out for standard input')
    .option('--key <key>', 'the key of the event, for consumers with an order')
    .option('--id <id>', 'the id of the event (default: a new one)')
    .option('--cloud-event', 'the input is a whole CloudEvent')
    .addHelpText('after', help.PUBLISH_AFTER)
    .action(
      async (
        name: string | undefined,
        file: string | undefined,
        options: TargetOptions & Json & { key?: string; id?: string; cloudEvent?: true },
      ) => {
        const { json = false, key, id, cloudEvent = false, service: own = NO_SERVICE } = options;
        if (cloudEvent && file !== undefined) throw usageError('publish --cloud-event: expected a file alone');
        const target = targetOf(io, { ...options, service: own });
        const text = await readEvent(io, cloudEvent ? name : file);
        const message = toMessage(text, {
          name: cloudEvent ? undefined : name,
          file,
          cloudEvent,
          key,
          id,
          source: `/${own}`,
          json,
        });
        ended(
          await withConnection(io, connect, target, { redact: redactOf(options) }, (connection) =>
            publish(io, connection, message, { json }),
          ),
        );
      },
    );

  return program;
};

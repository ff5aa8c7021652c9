import type { Command } from 'commander';
import { usageError } from './failure.ts';
import { PUBLISH_AFTER, TAIL_AFTER } from './help.ts';
import { type JsonOption, type TargetOptions, targetOf, withJson, withLimit, withTarget } from './options.ts';
import type { ProgramParts } from './program-parts.ts';
import { publish, readEvent, toMessage } from './publish-command.ts';
import { tail } from './tail-command.ts';

type TailFlags = TargetOptions & JsonOption & { readonly limit?: number };
type PublishFlags = TargetOptions &
  JsonOption & { readonly key?: string; readonly id?: string; readonly cloudEvent?: true };

/** Where there is no service of one's own. */
const NO_SERVICE = 'mapbus-cli';

const addTail = (program: Command, { io, work }: ProgramParts): void => {
  const command = withTarget(program.command('tail'), `a name for this tail (default: ${NO_SERVICE})`);
  withLimit(withJson(command), 'end after so many events')
    .description('show events as they pass')
    .argument('[names...]', 'names of events; * stands for any characters')
    .addHelpText('after', TAIL_AFTER)
    .action((names: string[], options: TailFlags) => {
      const { json = false, limit, service = NO_SERVICE } = options;
      let isListening = false;
      const listening = () => {
        isListening = true;
      };
      return work(
        { ...options, service },
        (connection) => tail(io, connection, names, { json, limit, listening }),
        // Before that, what goes wrong ends the command.
        { showsTrouble: () => isListening },
      );
    });
};

const addPublish = (program: Command, { io, work }: ProgramParts): void => {
  withJson(withTarget(program.command('publish'), `the service that publishes it (default: ${NO_SERVICE})`))
    .description('publish an event')
    .argument('[event]', 'the name of the event; left out with --cloud-event')
    .argument('[file]', 'the file with the payload; - or left out for standard input')
    .option('--key <key>', 'the key of the event, for consumers with an order')
    .option('--id <id>', 'the id of the event (default: a new one)')
    .option('--cloud-event', 'the input is a whole CloudEvent')
    .addHelpText('after', PUBLISH_AFTER)
    .action(async (first: string | undefined, second: string | undefined, options: PublishFlags) => {
      const { json = false, key, id, cloudEvent = false, service = NO_SERVICE } = options;
      if (cloudEvent && second !== undefined) throw usageError('publish --cloud-event: expected a file alone');
      const [name, file] = cloudEvent ? [undefined, first] : [first, second];
      // Before anything is read from standard input.
      targetOf(io, { ...options, service });
      const text = await readEvent(io, file);
      const message = toMessage(text, { name, cloudEvent, key, id, source: `/${service}` });
      await work({ ...options, service }, (connection) => publish(io, connection, message, json));
    });
};

export const addEventCommands = (program: Command, parts: ProgramParts): void => {
  addTail(program, parts);
  addPublish(program, parts);
};

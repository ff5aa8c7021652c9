import type { Command } from 'commander';
import { listConsumers, removeConsumer } from './consumers-commands.ts';
import { usageError } from './failure.ts';
import { CONSUMERS_AFTER, PLAN_AFTER, REMOVE_AFTER } from './help.ts';
import { type JsonOption, type TargetOptions, targetOf, withJson, withTarget } from './options.ts';
import { plan } from './plan-command.ts';
import { loadPlanModule } from './plan-module.ts';
import type { ProgramParts } from './program-parts.ts';

type ListFlags = TargetOptions & JsonOption & { readonly orphans?: true };
type RemoveFlags = TargetOptions & JsonOption & { readonly dryRun?: true; readonly yes?: true };
type PlanFlags = TargetOptions & JsonOption & { readonly offline?: true };

const addList = (consumers: Command, { io, work }: ProgramParts): void => {
  withJson(withTarget(consumers.command('list')))
    .description('list the consumers that the broker knows')
    .option('--orphans', 'only those that no process runs')
    .addHelpText('after', CONSUMERS_AFTER)
    .action((options: ListFlags) => {
      const { json = false, orphans = false } = options;
      return work(options, (connection) => listConsumers(io, connection, { json, orphans }));
    });
};

const addRemove = (consumers: Command, { io, work }: ProgramParts): void => {
  withJson(withTarget(consumers.command('remove')))
    .description('remove a consumer that no process runs, with what waits for it')
    .argument('<consumer>', 'the name of the consumer')
    .option('--dry-run', 'only show what this would remove')
    .option('--yes', 'say that its waiting events may be removed for good')
    .addHelpText('after', REMOVE_AFTER)
    .action((name: string, options: RemoveFlags) => {
      const { json = false, dryRun = false, yes = false } = options;
      if (!dryRun && !yes) throw usageError('remove: expected --yes, or --dry-run to see what it would do');
      return work(options, (connection) => removeConsumer(io, connection, name, { dryRun, json }));
    });
};

const addPlan = (program: Command, { io, work }: ProgramParts): void => {
  withJson(withTarget(program.command('plan'), 'the name of the service (default: that of the module)'))
    .description('show what has to exist at the broker, and what differs')
    .argument('<module>', 'a module that registers the consumers of the service')
    .option('--offline', 'ask no broker: only show what has to exist')
    .addHelpText('after', PLAN_AFTER)
    .action(async (path: string, options: PlanFlags) => {
      const { json = false, offline = false } = options;
      const module = await loadPlanModule(path);
      const { service, namespace, sends = 'all' } = module.options;
      const given = {
        url: options.url,
        service: options.service ?? service,
        namespace: options.namespace ?? namespace,
      };
      const target = targetOf(io, given);
      await work(given, (connection) => plan(io, connection, module, { service: target.service, offline, json }), {
        sends: sends === 'all' ? sends : new Set(sends),
      });
    });
};

export const addConsumerCommands = (program: Command, parts: ProgramParts): void => {
  const consumers = program.command('consumers').description('list and remove the consumers of a service');
  addList(consumers, parts);
  addRemove(consumers, parts);
  addPlan(program, parts);
};

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { apt } from '../apt.ts';
import { folderOf } from './broker.ts';

const packages = ['cloudevents==2.2.0', 'pika==1.4.4', 'kafka-python==3.0.12', 'prometheus_client==0.26.0'];

/** Python with a CloudEvents library, clients of both brokers and one of Prometheus; gives what its `PYTHONPATH` has to be. */
export const ensurePython = (): string => {
  const folder = folderOf('python');
  // With other packages or versions it is another folder.
  const library = join(folder, packages.join('+'));
  if (existsSync(library)) return library;
  mkdirSync(folder, { recursive: true });
  const run = (...args: readonly string[]) => execFileSync('python3', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  try {
    run('-m', 'pip', '--version');
  } catch {
    apt('python3', 'python3-pip');
  }
  run('-m', 'pip', 'install', '--quiet', '--target', `${library}.partial`, ...packages);
  renameSync(`${library}.partial`, library);
  return library;
};

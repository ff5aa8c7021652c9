import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** How long a close may take. */
const STOP_MS = 40_000;

/** A process that runs a script, started again as often as it is killed. It says when it is ready, and ends on SIGTERM. */
export const startProcess = async (script: URL, options: object) => {
  let child: ChildProcess;
  const start = async () => {
    child = spawn(process.execPath, [fileURLToPath(script), JSON.stringify(options)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const ended = once(child, 'exit').then(() => {
      throw new Error('The worker has ended before it was ready');
    });
    await Promise.race([once(child, 'message'), ended]);
    ended.catch(() => {});
  };
  await start();
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error('The worker has ended before its time');
    const exit = once(child, 'exit');
    child.kill(signal);
    await exit;
  };
  const kill = () => end('SIGKILL');
  const restart = async () => {
    await kill();
    await start();
  };
  const died = async () => {
    if (child.signalCode === null) await once(child, 'exit');
    return child.signalCode;
  };
  /** Closes the bus of the process, and says how long that then took to end by itself, if the process tells of the close. */
  const stop = async () => {
    let closedAt = Number.NaN;
    child.once('message', () => {
      closedAt = Date.now();
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await end('SIGTERM').finally(() => clearTimeout(timer));
    if (child.signalCode !== null) throw new Error(`The worker has ended by ${child.signalCode}, without a close`);
    return { exitMs: Date.now() - closedAt };
  };
  const freeze = () => child.kill('SIGSTOP');
  const thaw = () => child.kill('SIGCONT');
  return { start, kill, restart, died, stop, freeze, thaw };
};

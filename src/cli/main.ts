import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { EXIT, type StopReason } from './exit-codes.ts';
import type { Io } from './io.ts';
import { connectByUrl } from './open.ts';
import { run } from './run.ts';

const DEFAULT_COLUMNS = 80;

const stopping = new AbortController();
const stop = (reason: StopReason) => {
  // Who asks twice does not want to wait.
  if (stopping.signal.aborted && reason !== 'brokenPipe') process.exit(EXIT[reason]);
  if (!stopping.signal.aborted) stopping.abort(reason);
};
process.on('SIGINT', () => stop('interrupted'));
process.on('SIGTERM', () => stop('terminated'));

const { stdout, stderr, stdin, env } = process;
const isBroken = (error: Error) => 'code' in error && (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED');
stdout.on('error', (error) => {
  if (isBroken(error)) stop('brokenPipe');
  else throw error;
});
// Nobody is left to be told.
stderr.on('error', () => {});

const io: Io = {
  out: (chunk) =>
    new Promise((resolve) => {
      stdout.write(chunk, () => resolve());
    }),
  err: (chunk) => void stderr.write(chunk),
  outIsTerminal: stdout.isTTY === true,
  errIsTerminal: stderr.isTTY === true,
  hasColour: stdout.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb',
  columns: stdout.columns ?? DEFAULT_COLUMNS,
  env,
  readInput: () => text(stdin),
  inIsTerminal: stdin.isTTY === true,
  stopped: stopping.signal,
};

const readVersion = (): string => {
  const { version }: { version?: unknown } = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  );
  return String(version);
};

const code = await run(process.argv.slice(2), io, connectByUrl, readVersion());
// A client may keep a timer.
process.exit(code);

/**
 * Runs parts of the tests, npm scripts whose names are the arguments, as many at a time as the first argument says. One
 * that fails ends the others, and what it printed comes once more at the end, where a reader of a long output looks first.
 */
import { type CloseEvent, concurrently } from 'concurrently';

const LINES = 200;

// Parts with a broker wait for half of their time: with two of them at a time, two cores were idle for 44 % of it, and
// three are better. Two are enough of those that compile.
const [atATime, ...names] = process.argv.slice(2);
const { commands, result } = concurrently(
  names.map((name) => ({ name, command: `npm run ${name}` })),
  { maxProcesses: Number(atATime), group: true, killOthersOn: ['failure'], prefix: 'none', timings: true },
);
const printed = commands.map(() => '');
for (const [index, { stdout, stderr }] of commands.entries())
  for (const stream of [stdout, stderr])
    stream.subscribe((chunk) => {
      printed[index] += chunk.toString();
    });

result.catch((ended: readonly CloseEvent[]) => {
  const failed = ended.filter(({ exitCode }) => typeof exitCode === 'number' && exitCode !== 0);
  for (const { index, command, exitCode } of failed) {
    const end = printed[index]?.trimEnd().split('\n').slice(-LINES).join('\n');
    console.log(`\nThe end of what ${command.name} printed. It failed with ${exitCode}.\n\n${end}`);
  }
  process.exitCode = 1;
});

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { REASONS } from '../../src/cli/filter.ts';
import { createBroker } from './support.ts';

const read = (page: string) => readFileSync(new URL(`../../docs/${page}`, import.meta.url), 'utf8');
const page = read('command-line.md');

it('docs/command-line.md names every command and every option', async () => {
  const { mapbus } = createBroker();
  const commands = ['dead-letters list', 'dead-letters show', 'dead-letters redrive', 'dead-letters discard'];
  commands.push('consumers list', 'consumers remove', 'plan', 'tail', 'publish');
  const helps = await Promise.all(commands.map((command) => mapbus([...command.split(' '), '--help'])));
  const options = helps.flatMap(({ out }) =>
    [...out.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, name = '']) => name),
  );

  expect(new Set(options).size).toBeGreaterThan(20);
  expect(commands.filter((command) => !page.includes(`[\`${command}\`](#`))).toEqual([]);
  expect([...new Set(options)].filter((option) => !page.includes(option))).toEqual([]);
});

it('docs/command-line.md has every exit code', () => {
  const codes = [...page.matchAll(/^\| (\d+) \| /gm)].map(([, code]) => Number(code));

  expect(codes).toEqual(Object.values(EXIT).sort((a, b) => a - b));
});

it('a filter takes every reason that the docs name', () => {
  const table = read('services.md').split('| reason | meaning |')[1]?.split('\n\n')[0] ?? '';
  const reasons = [...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, reason]) => reason);

  expect(reasons.length).toBeGreaterThan(5);
  expect(reasons.filter((reason) => !REASONS.some((known) => known === reason))).toEqual([]);
});

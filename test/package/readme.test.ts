import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createEventBus } from 'mapbus';
import { describe, expect, it, vi } from 'vitest';
import { pages, readPage, writeSamples } from '../../scripts/readme.ts';

const pathOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const readSample = (path: string) => readFileSync(pathOf(`../generated/${path}`), 'utf8');

const samples = writeSamples();
// Samples that are files for others to import are run by those.
const runnable = samples.filter((path) => /\/line-\d+\.ts$/.test(path));
const testFiles = samples.filter((path) => path.endsWith('.test.ts'));

describe('the samples of the README and of docs', () => {
  it.each(runnable)(
    'show what is true: %s',
    async (path) => {
      vi.spyOn(console, 'warn').mockReturnValue();
      vi.spyOn(console, 'error').mockReturnValue();

      await import(/* @vite-ignore */ pathOf(`../generated/${path}`));
      expect(readSample(path)).toContain('expect(');
    },
    // Some start a Postgres inside the process.
    90_000,
  );
});

describe.each(testFiles)('the sample %s', async (path) => {
  await import(/* @vite-ignore */ pathOf(`../generated/${path}`));
});

/** The anchor that GitHub gives a heading. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
const anchorsOf = (page: string) =>
  [...readPage(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading));

describe('the README and docs', () => {
  it.each([...pages, 'CONTRIBUTING.md'])('%s links to what exists', (page) => {
    const links = [...readPage(page).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g)];
    const broken = links.filter(([, file = '', anchor]) => {
      const target = file === '' ? page : fileURLToPath(new URL(file, new URL(page, 'file:///'))).slice(1);
      return !existsSync(pathOf(`../../${target}`)) || (anchor !== undefined && !anchorsOf(target).includes(anchor));
    });

    expect(broken.map(([link]) => link)).toEqual([]);
  });

  it('has at most 220 lines in the README', () => {
    expect(readPage('README.md').split('\n').length).toBeLessThanOrEqual(221);
  });

  it('names every member of a bus and every option of it', () => {
    const page = readPage('docs/bus.md');
    const optionsOf = (create: () => unknown): string[] => {
      try {
        create();
      } catch (error) {
        return String(error).split('expected ')[1]?.split(', ') ?? [];
      }
      return [];
    };
    const bus = createEventBus<{ ping: string }>();
    const unknown: object = { unknown: true };
    const options = [
      ...optionsOf(() => createEventBus(unknown)),
      ...optionsOf(() => bus.subscribe('ping', () => {}, unknown)),
    ];

    expect(options.length).toBeGreaterThan(10);
    expect([...Object.keys(bus), ...options].filter((name) => !page.includes(`\`${name}`))).toEqual([]);
  });

  it('explains every line of the log and every code of an error', () => {
    const sources = readdirSync(pathOf('../../src'), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .map((path) => readFileSync(pathOf(`../../src/${path}`), 'utf8'))
      .join('\n');
    const lines = [...sources.matchAll(/'(event_[a-z_]+)'/g)].map(([, line = '']) => line);
    const [, codes = ''] = /type EventBusErrorCode =([^;]+);/.exec(sources) ?? [];
    const names = [...new Set(lines), ...[...codes.matchAll(/'(\w+)'/g)].map(([, code = '']) => code)];

    expect(names.length).toBeGreaterThan(15);
    expect(names.filter((name) => !readPage('docs/failures-and-logging.md').includes(`| \`${name}\` |`))).toEqual([]);
  });
});

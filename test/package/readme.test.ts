import { readFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { writeReadmeBlocks } from '../../scripts/readme.ts';

const root = new URL('../../', import.meta.url);

describe('the README', () => {
  it.each(writeReadmeBlocks())('shows what is true: %s', async (path) => {
    vi.spyOn(console, 'warn').mockReturnValue();
    vi.spyOn(console, 'error').mockReturnValue();

    await import(/* @vite-ignore */ path);
    expect(readFileSync(path, 'utf8')).toContain('expect(');
  });

  it.each([
    ['README.md', 250],
    ['CONTRIBUTING.md', 100],
  ])('%s has at most %i lines', (file, limit) => {
    expect(readFileSync(new URL(file, root), 'utf8').split('\n').length).toBeLessThanOrEqual(limit + 1);
  });
});

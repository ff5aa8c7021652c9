import { defineConfig } from 'vitest/config';
import { aliasTo } from './vitest.alias.ts';

// Mutants are tested in Node alone, without what takes long and concerns the package as a whole.
export default defineConfig({
  resolve: { alias: aliasTo('src') },
  test: {
    restoreMocks: true,
    include: ['test/{bus,shared,testing}/**/*.test.ts'],
    setupFiles: ['./vitest.gc.ts'],
    // They take seconds.
    exclude: ['test/bus/node/memory.test.ts', 'test/testing/node/contract*.test.ts'],
  },
});

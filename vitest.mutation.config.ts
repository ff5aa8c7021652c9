import { defineConfig } from 'vitest/config';
import { aliasTo } from './vitest.alias.ts';

// Mutants are tested in Node alone, without what takes long and concerns the package as a whole.
export default defineConfig({
  resolve: { alias: aliasTo('src') },
  test: {
    restoreMocks: true,
    // One worker for all files of a mutant: half of the time went into starting one for each.
    isolate: false,
    include: ['test/{bus,shared,testing}/**/*.test.ts'],
    setupFiles: ['./vitest.gc.ts'],
    // They take seconds.
    exclude: [
      'test/bus/node/async-local-storage.test.ts',
      'test/bus/node/memory.test.ts',
      'test/testing/node/contract*.test.ts',
    ],
  },
});

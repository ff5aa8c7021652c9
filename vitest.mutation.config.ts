import { defineConfig } from 'vitest/config';

// Mutants are tested in Node alone, without what takes long and concerns the package as a whole.
export default defineConfig({
  resolve: { alias: { mapbus: new URL('src/index.ts', import.meta.url).pathname } },
  test: {
    restoreMocks: true,
    include: ['test/bus/**/*.test.ts', 'test/testing/**/*.test.ts'],
  },
});

import { defineConfig } from 'tsup';

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    kafka: 'src/kafka/index.ts',
    link: 'src/link/index.ts',
    postgres: 'src/postgres/index.ts',
    rabbitmq: 'src/rabbitmq/index.ts',
    react: 'src/react/index.ts',
    testing: 'src/testing/index.ts',
    service: 'src/service/index.ts',
    sse: 'src/sse/index.ts',
    transport: 'src/transport/index.ts',
    url: 'src/url/index.ts',
  },
  format: ['esm', 'cjs'],
  dts: {
    // tsup sets an option that TypeScript 6 calls deprecated.
    compilerOptions: { ignoreDeprecations: '6.0' },
    // For consumers whose libs have no Symbol.dispose yet. In a source file, the bundler of the types would drop it.
    banner: '/// <reference lib="esnext.disposable" />',
  },
  target: 'es2022',
  platform: 'neutral',
  splitting: true,
  treeshake: true,
  sourcemap: true,
  clean: true,
  // Some runtimes know the modules of Node only by their full names.
  removeNodeProtocol: false,
  external: [/^node:/],
});

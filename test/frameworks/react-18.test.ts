import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { expect, it } from 'vitest';
import { npmCi } from '../../scripts/npm-ci.ts';

const pathOf = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

it('a server with React 18 renders the initial value, subscribes to nothing and prints no warning', async () => {
  await npmCi(pathOf('scripts/consumers'));
  const { outputFiles } = await build({
    entryPoints: [pathOf('test/frameworks/react-18.tsx')],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    jsx: 'automatic',
    banner: { js: `import { createRequire } from 'node:module'; const require = createRequire('/');` },
    alias: {
      mapbus: pathOf('src/index.ts'),
      'mapbus/react': pathOf('src/react/index.ts'),
      react: pathOf('scripts/consumers/node_modules/react'),
      'react-dom': pathOf('scripts/consumers/node_modules/react-dom'),
    },
  });

  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module'], {
    input: outputFiles[0]?.text,
    encoding: 'utf8',
  });

  expect([stdout, stderr]).toEqual(['18.0.0 <p>1</p> 1\n', '']);
}, 120_000);

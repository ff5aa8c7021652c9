import { expect, it } from 'vitest';
import { runInPage, serve } from './open-page.ts';
import { reactCompiler } from './plugins.ts';

const path = 'frameworks/react-compiler.page.tsx';

it('the hooks, and a component that uses them, work when the React Compiler has compiled them', async () => {
  const packages = ['react', 'react/jsx-dev-runtime', 'react/compiler-runtime', 'react-dom', 'react-dom/client'];
  const server = await serve({ folder: 'test', plugins: [reactCompiler], packages });

  expect(await runInPage(server, path)).toEqual(['2 201', 2]);
  const [component, hook] = await Promise.all(
    [path, 'react/use-subscribe.ts'].map((name) =>
      [...server.moduleGraph.idToModuleMap.values()].find(({ id }) => id?.endsWith(name)),
    ),
  );
  for (const compiled of [component, hook]) expect(compiled?.transformResult?.code).toContain('compiler-runtime');
}, 60_000);

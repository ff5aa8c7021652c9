import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, it } from 'vitest';

const pathOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));

it('the compiler names the event and the property in common mistakes', async () => {
  const path = pathOf('../types/fixtures/mistakes.ts');
  const lines = readFileSync(path, 'utf8').split('\n');
  const program = ts.createProgram([path], {
    strict: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    allowImportingTsExtensions: true,
    lib: ['lib.es2022.d.ts', 'lib.esnext.disposable.d.ts', 'lib.dom.d.ts'],
    types: [],
    paths: { mapbus: [pathOf('../../src/index.ts')] },
  });

  const messages = ts.getPreEmitDiagnostics(program).map(({ file, start = 0, messageText, code }) => {
    const line = file?.getLineAndCharacterOfPosition(start).line ?? 0;
    return `${lines[line]}\n  TS${code}: ${ts.flattenDiagnosticMessageText(messageText, '\n  ')}\n`;
  });

  await expect(messages.join('\n')).toMatchFileSnapshot(pathOf('../types/fixtures/mistakes.txt'));
}, 30_000);

import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

const CLIENTS = ['rabbitmq-client', '@platformatic/kafka', 'pg'];

/** The package as it is installed, with what it depends on and nothing else. */
const install = (): string => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'mapbus-alone-')));
  const target = join(folder, 'node_modules/mapbus');
  mkdirSync(target, { recursive: true });
  for (const part of ['package.json', 'dist']) cpSync(join(root, part), join(target, part), { recursive: true });
  // Folders above this one may have the clients: what is found first has nothing in it.
  for (const client of CLIENTS) {
    mkdirSync(join(folder, 'node_modules', client), { recursive: true });
    writeFileSync(join(folder, 'node_modules', client, 'package.json'), JSON.stringify({ name: client }));
  }
  cpSync(join(root, 'node_modules/uuidv7'), join(folder, 'node_modules/uuidv7'), {
    recursive: true,
    dereference: true,
  });
  return join(target, 'dist/cli.js');
};

const start = (cli: string, args: readonly string[], url: string) =>
  new Promise<{ code: unknown; out: string; err: string }>((resolve) => {
    execFile(process.execPath, [cli, ...args], { env: { ...process.env, EVENT_BUS_URL: url } }, (error, out, err) =>
      resolve({ code: error?.code ?? 0, out, err }),
    );
  });

describe('the built command', () => {
  const cli = install();

  it('runs beside uuidv7 alone', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

    expect(await start(cli, ['--version'], '')).toEqual({ code: 0, out: `${version}\n`, err: '' });
  });

  it.each([
    ['amqp://guest:secret@127.0.0.1', 'rabbitmq-client'],
    ['kafka://guest:secret@127.0.0.1:1', '@platformatic/kafka'],
    ['postgres://guest:secret@127.0.0.1/shop', 'pg'],
  ])('names the package that is missing for %s', async (url, client) => {
    expect(await start(cli, ['dead-letters', 'list', '--service', 'billing'], url)).toEqual({
      code: 2,
      out: '',
      err: `mapbus: transportFromUrl: this needs the package ${client}: npm install ${client}\n`,
    });
  });

  it('has the licence of what is in it', () => {
    const text = readFileSync(cli, 'utf8');
    const { version, license } = JSON.parse(readFileSync(join(root, 'node_modules/commander/package.json'), 'utf8'));

    expect(license).toBe('MIT');
    expect(
      text.startsWith(`#!/usr/bin/env node\n/*! This file has commander ${version} in it:\n(The MIT License)`),
    ).toBe(true);
  });

  it('has no second copy of the entries beside it', () => {
    expect(readFileSync(cli, 'utf8')).toMatch(/from ["']\.\/url\.js["']/);
    expect(existsSync(join(root, 'dist/cli.cjs'))).toBe(false);
  });
});

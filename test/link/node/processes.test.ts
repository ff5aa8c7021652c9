import { fork } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { build } from 'esbuild';
import { eventsOf } from 'mapbus';
import { link } from 'mapbus/link';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLoggedBus } from '../../support.ts';

const pathOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const peer = join(tmpdir(), `mapbus-link-peer-${process.pid}.mjs`);

beforeAll(async () => {
  const alias = { mapbus: pathOf('../../../src/index.ts'), 'mapbus/link': pathOf('../../../src/link/index.ts') };
  await build({
    entryPoints: [pathOf('peer.ts')],
    outfile: peer,
    bundle: true,
    format: 'esm',
    platform: 'node',
    alias,
  });
});

afterAll(() => rmSync(peer, { force: true }));

/** Publishes pings, and gives the pongs that come back. */
const exchange = async (bus: ReturnType<typeof createLoggedBus>['bus'], count: number): Promise<number[]> => {
  const pongs = eventsOf(bus, 'pong');
  for (let value = 0; value < count; value++) void bus.publish('ping', { value });
  const values: number[] = [];
  for await (const { value } of pongs) {
    values.push(value);
    if (values.length === count) break;
  }
  return values;
};
const doubles = Array.from({ length: 100 }, (_, value) => 2 * value);

describe('a link', () => {
  it('reaches a worker thread, which ends by itself', async () => {
    const { bus } = createLoggedBus();
    const worker = new Worker(peer);
    link(bus, worker, { send: ['ping', 'cleared'], receive: ['pong'] });

    expect(await exchange(bus, 100)).toEqual(doubles);
    void bus.publish('cleared');
    await once(worker, 'exit');
    expect((await bus.publish('ping', { value: 1 })).failures).toEqual([]);
  });

  it('reaches a child process, which ends by itself', async () => {
    const { bus } = createLoggedBus();
    const child = fork(peer);
    link(bus, child, { send: ['ping', 'cleared'], receive: ['pong'] });

    expect(await exchange(bus, 100)).toEqual(doubles);
    void bus.publish('cleared');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('costs nothing but silence if the process at the other end is dead', async () => {
    const { bus } = createLoggedBus();
    const child = fork(peer);
    const errors: unknown[] = [];
    child.on('error', (error) => errors.push(error));
    link(bus, child, { send: ['ping'], receive: ['pong'] });
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;

    const { failures } = await bus.publish('ping', { value: 1 });
    await new Promise((resolve) => setTimeout(resolve, 50));

    expect(failures).toEqual([]);
    expect(errors).toEqual([]);
  });

  it('fails for what the JSON of a child process cannot carry', async () => {
    const { bus } = createLoggedBus();
    const child = fork(peer);
    link(bus, child, { send: ['ping', 'cleared'] });

    const wrong: { value: number; big: bigint } = { value: 1, big: 1n };
    const { failures } = await bus.publish('ping', wrong);
    void bus.publish('cleared');
    await once(child, 'exit');

    expect(failures).toMatchObject([{ error: expect.any(TypeError) as unknown }]);
  });
});

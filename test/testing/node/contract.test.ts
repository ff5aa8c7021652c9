import { readFileSync } from 'node:fs';
import { memory } from 'mapbus/service';
import { type ContractSetup, clausesFor, rehearsal, transportContract } from 'mapbus/testing';
import type { Transport } from 'mapbus/transport';
import { describe, expect, it } from 'vitest';
import { createSoundSetup } from './broken-transports/sound.ts';
import { createBrokenSetup } from './broken-transports/with-fault.ts';

const overHub = (createHub: () => Transport) => (): ContractSetup => {
  const hub = createHub();
  return { connect: () => hub, timeoutMs: 5_000, quietMs: 30, leaseMs: 20 };
};

const toBytes = (body: string | Uint8Array) => (typeof body === 'string' ? new TextEncoder().encode(body) : body);

/** It does not say how often it has delivered, nor when it is idle, and it gives bytes. */
const createQuietSetup = (): ContractSetup => {
  const { setup } = createBrokenSetup(() => ({
    deliver: ({ delivery, run }) => run({ ...delivery, body: toBytes(delivery.body), deliveries: undefined }),
    rest: ({ features }) => ({ idle: undefined, features: { ...features, countsDeliveries: false } }),
  }));
  return setup;
};

const days = [1, 2, 3, 4].map((seed) => ({ seed, duplicates: 0.15, deaths: 0.1, maxDelayMs: 5 }));
const setups: readonly (readonly [string, () => ContractSetup])[] = [
  ['memory(), with the times that a clause has by itself,', () => ({ connect: overHub(memory)().connect })],
  ['memory() with all features', createSoundSetup],
  ['memory() that tells only what it must, and in bytes,', createQuietSetup],
  ...days.map((day) => [`rehearsal(${JSON.stringify(day)})`, overHub(() => rehearsal(day))] as const),
];

describe.each(setups)('%s keeps the contract', async (_, createSetup) => {
  for (const { name, alone, run } of await clausesFor(createSetup())) {
    const test = alone ? it.sequential : it.concurrent;
    test(name, () => run(createSetup()), 20_000);
  }
});

describe('a clause', () => {
  const run = (name: string, setup: ContractSetup) =>
    transportContract.find((clause) => clause.name === name)?.run(setup);
  const { kill: _, begin: __, ...setup } = createSoundSetup();

  it('of a durable transport needs a setup that can kill', async () => {
    const name = 'the event of a killed process comes again, with the same id';
    await expect(run(name, setup)).rejects.toThrow('A durable transport is proved with `kill` in its setup');
  });

  it('of a transport that enlists needs a setup that can begin a transaction', async () => {
    const name = 'an event of a transaction arrives once that has committed';
    await expect(run(name, setup)).rejects.toThrow('A transport that enlists is proved with `begin` in its setup');
  });

  it('fails for dead letters that a transport only claims to keep', async () => {
    const name = 'a service sees its own dead letters only';
    const { setup: claiming } = createBrokenSetup(() => ({ rest: () => ({ deadLetters: undefined }) }));
    await expect(run(name, claiming)).rejects.toThrow('The feature keepsDeadLetters is there, and deadLetters is not');
  });
});

describe('the transport of docs/your-own-transport.md', () => {
  it('has less than 100 lines of code', () => {
    const page = readFileSync(new URL('../../../docs/your-own-transport.md', import.meta.url), 'utf8');
    const [, code = ''] = /```ts\n(\/\/ files\.ts\n.*?)```/s.exec(page) ?? [];
    const lines = code.split('\n').filter((line) => line.trim() !== '' && !/^\s*(\/\/|\/\*\*)/.test(line));

    expect(lines.length).toBeGreaterThan(50);
    expect(lines.length).toBeLessThan(100);
  });
});

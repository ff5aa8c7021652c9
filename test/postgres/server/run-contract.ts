import { type ContractSetup, clausesFor } from 'mapbus/testing';
import { describe, it } from 'vitest';

/** Declares the contract of transports as tests, for each setup. */
export const runContract = (setups: Readonly<Record<string, ContractSetup>>): void => {
  for (const [name, setup] of Object.entries(setups))
    describe(`the contract of transports, over ${name}`, async () => {
      for (const clause of await clausesFor(setup)) {
        const test = clause.alone ? it : it.concurrent;
        test(clause.name, () => clause.run(setup), 60_000);
      }
    });
};

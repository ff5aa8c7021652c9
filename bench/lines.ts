// The lines that the project holds itself to, each a ratio of figures from the same rounds.

import { awaitAsync4, awaitSync4, publishSync4 } from './cases.ts';
import type { Measured } from './measure.ts';
import { UUIDV7 } from './own-cases.ts';
import { ofBest } from './processes.ts';

export interface Line {
  readonly name: string;
  readonly atMost?: number;
  readonly atLeast?: number;
  readonly ratio: (measured: Measured) => number;
}

const against = (contender: string, name: string, atLeast: number): Line => ({
  name: `${name}: ${contender} / mapbus`,
  atLeast,
  ratio: ({ cases }) => ofBest(cases[name] ?? {}, (of) => of(contender) / of('mapbus')),
});

const withAndWithout = (what: string, atMost?: number): Line => ({
  name: `publish, 4 handlers: with ${what} / without`,
  ...(atMost === undefined ? {} : { atMost }),
  ratio: ({ own }) => ofBest(own, (of) => of(`publish, 4 handlers, with ${what}`) / of('publish, 4 handlers')),
});

export const lines: readonly Line[] = [
  {
    name: `${publishSync4.name}: mapbus / bare loop + Date.now()`,
    atMost: 1.5,
    ratio: ({ cases }) => ofBest(cases[publishSync4.name] ?? {}, (of) => of('mapbus') / of('bare loop + Date.now()')),
  },
  against('emittery', awaitSync4.name, 9),
  against('hookable', awaitSync4.name, 8),
  against('emittery', awaitAsync4.name, 3.8),
  against('hookable', awaitAsync4.name, 4),
  against('allSettled loop', awaitAsync4.name, 3),
  {
    name: 'a handler that reads the id, on top of the same publish / uuidv7()',
    atMost: 1,
    ratio: ({ own }) =>
      ofBest(own, (of) => (of('publish, 1 handler that reads the id') - of('publish, 1 handler')) / of(UUIDV7)),
  },
  {
    name: 'publish, 4 handlers: the bus / a build of it without the options `observers` and `metadata`',
    atMost: 1.02,
    ratio: ({ builds }) => ofBest(builds, (of) => of('with') / of('without')),
  },
  withAndWithout('an observer of calls'),
  withAndWithout('an observer of publishes'),
  withAndWithout('the option metadata'),
];

export const isReached = ({ atMost = Number.POSITIVE_INFINITY, atLeast = 0 }: Line, ratio: number): boolean =>
  ratio <= atMost && ratio >= atLeast;

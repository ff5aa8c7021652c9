// Holds the type `Received` against JSON itself. Types are generated together with a value, with the type that the value
// has after JSON by the rules of JSON, and each compiler says whether `Received` agrees.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const compilers = ['typescript-5.4', 'typescript-5.9', 'typescript', 'typescript-7.0'];

/** A type, what JSON makes of it, and its values. */
interface Shape {
  readonly type: string;
  readonly received: string;
  readonly values: fc.Arbitrary<unknown>;
}

const shape = (type: string, received: string, values: fc.Arbitrary<unknown>): Shape => ({ type, received, values });

const leaves: fc.Arbitrary<Shape> = fc.constantFrom(
  shape('string', 'string', fc.string({ unit: 'grapheme' })),
  shape('number', 'number', fc.double({ noNaN: true, noDefaultInfinity: true })),
  shape('boolean', 'boolean', fc.boolean()),
  shape('null', 'null', fc.constant(null)),
  shape(`'low' | 'high' | 7 | false`, `'low' | 'high' | 7 | false`, fc.constantFrom('low', 'high', 7, false)),
  shape('Lowercase<string>', 'Lowercase<string>', fc.constantFrom('a', 'b7')),
  shape('Date', 'string', fc.date({ noInvalidDate: true })),
  shape(
    'URL',
    'string',
    fc.webUrl().map((url) => new URL(url)),
  ),
  shape('unknown', 'unknown', fc.jsonValue()),
);

const valuesOf = (shapes: readonly Shape[]) => fc.tuple(...shapes.map(({ values }) => values));

/** A member, with its modifiers and without. JSON leaves out what is undefined. */
const memberOf = (inner: Shape, kind: 'required' | 'readonly' | 'optional' | 'undefined', index: number) => {
  const name = index % 2 === 0 ? `k${index}` : `key ${index}`;
  const key = `'${name}'`;
  const one = inner.values.map((value) => ({ [name]: value }));
  const texts = {
    required: [`${key}: ${inner.type}`, `${key}: ${inner.received}`, one],
    readonly: [`readonly ${key}: ${inner.type}`, `readonly ${key}: ${inner.received}`, one],
    optional: [`${key}?: ${inner.type}`, `${key}?: ${inner.received}`, fc.oneof(one, fc.constant({}))],
    undefined: [
      `${key}: ${inner.type} | undefined`,
      // With an `unknown`, nothing is known of whether it may be undefined.
      inner.type === 'unknown' ? `${key}: unknown` : `${key}?: ${inner.received}`,
      inner.type === 'unknown' ? one : fc.oneof(one, fc.constant({ [name]: undefined })),
    ],
  } as const;
  return texts[kind];
};

const objectOf = (
  members: readonly (readonly [Shape, 'required' | 'readonly' | 'optional' | 'undefined'])[],
): Shape => {
  const texts = members.map(([inner, kind], index) => memberOf(inner, kind, index));
  return shape(
    `{ ${texts.map(([type]) => type).join('; ')} }`,
    `{ ${texts.map(([, received]) => received).join('; ')} }`,
    fc.tuple(...texts.map(([, , values]) => values)).map((parts) => Object.assign({}, ...parts)),
  );
};

const { anyShape, object } = fc.letrec<{ anyShape: Shape; object: Shape }>((tie) => {
  const inner = tie('anyShape');
  // A union with `unknown` is `unknown`.
  const known = inner.filter(({ type }) => type !== 'unknown');
  const object = fc
    .array(fc.tuple(inner, fc.constantFrom('required', 'readonly', 'optional', 'undefined')), {
      minLength: 1,
      maxLength: 4,
    })
    .map(objectOf);
  const array = fc
    .tuple(inner, fc.constantFrom('', 'readonly '))
    .map(([{ type, received, values }, modifier]) =>
      shape(`${modifier}(${type})[]`, `${modifier}(${received})[]`, fc.array(values, { maxLength: 3 })),
    );
  // JSON writes null in the place of undefined.
  const holes = known.map(({ type, received, values }) =>
    shape(
      `(${type} | undefined)[]`,
      `(${received} | null)[]`,
      fc.array(fc.option(values, { nil: undefined }), { maxLength: 3 }),
    ),
  );
  const tuple = fc
    .tuple(inner, inner)
    .map(([first, second]) =>
      shape(
        `[${first.type}, (${second.type})?]`,
        `[${first.received}, (${second.received})?]`,
        fc.oneof(valuesOf([first]), valuesOf([first, second])),
      ),
    );
  const record = inner.map(({ type, received, values }) =>
    shape(
      `{ [key: string]: ${type} }`,
      `{ [key: string]: ${received} }`,
      fc.dictionary(fc.nat().map(String), values, { maxKeys: 3 }),
    ),
  );
  const union = fc
    .tuple(known, known)
    .map(([one, other]) =>
      shape(
        `(${one.type} | ${other.type})`,
        `(${one.received} | ${other.received})`,
        fc.oneof(one.values, other.values),
      ),
    );
  // JSON calls no toJSON of what a toJSON returned: that is another test.
  const withToJson = fc.oneof(object, array, record).map(({ type, received, values }) =>
    shape(
      `{ toJSON(): ${type} }`,
      received,
      values.map((value) => ({ toJSON: () => value })),
    ),
  );
  return {
    object,
    anyShape: fc.oneof({ depthSize: 'small' }, leaves, object, array, holes, tuple, record, union, withToJson),
  };
});

/** A payload, what a consumer gets of it by JSON itself, and the type that it should have. */
const payload = fc.oneof(object, anyShape).chain(({ type, received, values }) =>
  fc.array(values, { minLength: 1, maxLength: 3 }).map((all) => ({
    type,
    received,
    values: all.map((value) => JSON.stringify(JSON.parse(JSON.stringify(value)))),
  })),
);

const lost = fc.constantFrom(
  ['bigint', 'a bigint'],
  ['symbol', 'a symbol'],
  ['(() => string)', 'a function'],
  ['Map<string, number>', 'a Map'],
  ['ReadonlySet<string>', 'a Set'],
  ['Uint8Array', 'a byte array'],
  ['Error', 'an Error'],
);

/** A payload with one thing that JSON cannot carry, and the message that tells where it is. */
const lossy = fc
  .tuple(lost, fc.array(fc.constantFrom('member', 'optional', 'list', 'tuple', 'toJSON'), { maxLength: 3 }), object)
  .map(([[type, what], steps, beside]) => {
    const start: { type: string; path: string } = { type, path: '' };
    const wrapped = steps.reduce(({ type, path }, step) => {
      const around = {
        member: { type: `{ wrong: ${type}; beside: ${beside.type} }`, path: `.wrong${path}` },
        optional: { type: `{ readonly wrong?: ${type}; known: unknown }`, path: `.wrong${path}` },
        list: { type: `(${type})[]`, path: `[]${path}` },
        tuple: { type: `[unknown, ${type}]`, path: `[]${path}` },
        toJSON: { type: `{ toJSON(): { wrong: ${type} } }`, path: `.toJSON().wrong${path}` },
      };
      return around[step];
    }, start);
    return { type: wrapped.type, message: `payload${wrapped.path} is ${what}, which JSON cannot carry` };
  });

const head = `import type { Received, ServiceBusOptions } from 'mapbus/service';
type Same<A, B> = [A, B] extends [B, A] ? true : false;
type Sends<Payload> = ServiceBusOptions<{ event: Payload }>['sends'];
type IsSent<Payload> = 'all' extends Sends<Payload> ? true : false;
type Said<Payload> = Exclude<Sends<Payload>, readonly unknown[]> extends {
  readonly '~refused': (losses: { event: infer Message }) => void;
}
  ? Message
  : never;
const is = <_Statement extends true>() => {};
`;

/** What a compiler says of a program: nothing if it is right. */
const compile = (compiler: string, name: string, program: string): string => {
  mkdirSync(`${root}reports`, { recursive: true });
  writeFileSync(`${root}reports/${name}.ts`, program);
  const args = [
    `node_modules/${compiler}/bin/tsc`,
    ...(compiler.startsWith('typescript-5') ? [] : ['--ignoreConfig']),
    ...['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--skipLibCheck', '--target', 'es2022'],
    ...['--module', 'nodenext', '--lib', 'es2023,esnext.disposable', '--types', 'node', `reports/${name}.ts`],
  ];
  try {
    return execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
};

/** A compiler takes as long for one type as for a hundred, so that all are in one program, and none is shrunk. */
const once = { numRuns: 1, endOnFailure: true };
const aHundred = { minLength: 100, maxLength: 100, size: 'max' } as const;

describe.each(compilers)('Received, by %s', (compiler) => {
  it('has the type of the payload after JSON', () => {
    fc.assert(
      fc.property(fc.array(payload, aHundred), (payloads) => {
        const checks = payloads.flatMap(({ type, received, values }, index) => [
          `type P${index} = ${type};`,
          `is<Same<Received<P${index}>, ${received}>>();`,
          `is<IsSent<P${index}>>();`,
          ...values.map((value) => `(${value}) satisfies Received<P${index}>;`),
        ]);

        expect(compile(compiler, `received-${compiler}`, head + checks.join('\n'))).toBe('');
      }),
      once,
    );
  }, 120_000);

  it('refuses to send what JSON cannot carry, and says where it is', () => {
    fc.assert(
      fc.property(fc.array(lossy, aHundred), (payloads) => {
        const checks = payloads.map(({ type, message }) => `is<Same<Said<${type}>, '${message}'>>();`);

        expect(compile(compiler, `lossy-${compiler}`, head + checks.join('\n'))).toBe('');
      }),
      once,
    );
  }, 120_000);
});

import { describe, expect, it } from 'vitest';
import { createRedact, exitCodeOf, explain, explainAt } from '../../src/cli/failure.ts';
import { readDuration, toMatcher } from '../../src/cli/filter.ts';
import { plain, toJson } from '../../src/cli/plain.ts';
import { createProgress } from '../../src/cli/progress.ts';
import { tableOf } from '../../src/cli/table.ts';
import { createIo } from './support.ts';

interface Row {
  readonly name: string;
  readonly count: number;
  readonly text: string;
}

const columns = [
  { title: 'NAME', of: ({ name }: Row) => name },
  { title: 'COUNT', of: ({ count }: Row) => String(count), isNumber: true },
  { title: 'TEXT', of: ({ text }: Row) => text },
];
const rows: Row[] = [
  { name: 'a', count: 1, text: 'x'.repeat(40) },
  { name: 'longer', count: 12_000, text: 'y' },
];

describe('a table', () => {
  it('has whole texts and no colour in a pipe', () => {
    const table = tableOf({ outIsTerminal: false, hasColour: false, columns: 30 }, columns, rows);

    expect(table).toBe(`NAME    COUNT  TEXT\na           1  ${'x'.repeat(40)}\nlonger  12000  y\n`);
  });

  it('fits into a terminal', () => {
    const table = tableOf({ outIsTerminal: true, hasColour: true, columns: 30 }, columns, rows);

    const [head, first = ''] = table.split('\n');
    expect(head).toBe('\u001b[1mNAME    COUNT  TEXT\u001b[22m');
    expect(first).toBe(`a           1  ${'x'.repeat(14)}…`);
  });
});

it('a text that moves the cursor or turns the direction is shown without that', () => {
  expect(plain('a\u001b[2Jb\r\nc\u202ed')).toBe('a\\u001b[2Jb  c\\u202ed');
});

describe('an error', () => {
  it('is told with its causes, each once', () => {
    const inner = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:9'), { code: 'ECONNREFUSED' });
    const error = new Error('[mapbus] Cannot connect.', {
      cause: Object.assign(new Error(''), { errors: [inner, inner] }),
    });

    expect(explain(error)).toBe('Cannot connect: connect ECONNREFUSED 127.0.0.1:9');
  });

  it.each([
    ['amqp://host', 'RabbitMQ cannot be reached: ACCESS_REFUSED', 'RabbitMQ refuses the connection: ACCESS_REFUSED'],
    [
      'amqps://host',
      'RabbitMQ cannot be reached: connect ECONNREFUSED',
      'RabbitMQ cannot be reached: connect ECONNREFUSED',
    ],
    ['kafka://host', 'connect ECONNREFUSED', 'Kafka cannot be reached: connect ECONNREFUSED'],
    ['postgres://host', 'connect ECONNREFUSED', 'Postgres cannot be reached: connect ECONNREFUSED'],
    ['postgres://host', 'The table is missing', 'The table is missing'],
  ])('names the broker of %s where that is the trouble: %s', (url, message, told) => {
    expect(explainAt(url, new Error(message))).toBe(told);
  });

  it.each([
    [new TypeError('[mapbus] kafka options.brokers: expected a list of host:port'), 2],
    [new Error('[mapbus] transportFromUrl: this needs the package pg: npm install pg'), 2],
    [Object.assign(new Error('x'), { code: 'ECONNREFUSED' }), 4],
    [Object.assign(new Error('password authentication failed'), { code: '28P01' }), 4],
    [new Error('RabbitMQ cannot be reached: ACCESS_REFUSED'), 4],
    [new Error('RabbitMQ cannot be reached: NOT_ALLOWED - vhost none not found'), 4],
    [new Error('The topic is missing'), 1],
    [new TypeError('x is not a function'), 1],
    ['a string', 1],
    [undefined, 1],
  ])('%o ends with the code %d', (error, code) => {
    expect(exitCodeOf(error)).toBe(code);
  });
});

describe('credentials', () => {
  it.each([
    ['amqp://user:s3cr%40t@host', 'refused s3cr@t and s3cr%40t of user:s3cr%40t', 'refused *** and *** of ***'],
    ['kafka://a:p:q@host:1,other:2', 'p:q', '***'],
    ['postgres://postgres@host/shop', 'postgres: no such table', 'postgres: no such table'],
    [undefined, 'text', 'text'],
  ])('of %s are not told', (url, text, told) => {
    expect(createRedact(url)(text)).toBe(told);
  });
});

it('a pattern fits whole names, and only its star is special', () => {
  const names = ['order.placed', 'order.paid', 'orderXplaced', 'my.order.placed', 'order.'];

  expect(names.filter(toMatcher(['order.*']))).toEqual(['order.placed', 'order.paid', 'order.']);
  expect(names.filter(toMatcher(['*.placed', 'order.']))).toEqual(['order.placed', 'my.order.placed', 'order.']);
});

it.each([
  ['30s', 30_000],
  ['15m', 900_000],
  ['1.5h', 5_400_000],
  ['7d', 604_800_000],
])('%s is a time', (text, ms) => {
  expect(readDuration('--older-than', text)).toBe(ms);
});

describe('progress', () => {
  const tellAt = (errIsTerminal: boolean) => {
    const { io, written } = createIo({ errIsTerminal });
    const clock = { now: 0 };
    const { now } = performance;
    performance.now = () => clock.now;
    try {
      const progress = createProgress(io);
      for (const at of [500, 1_500, 1_700, 7_000]) {
        clock.now = at;
        progress.tell(() => `at ${at}`);
      }
      progress.clear();
    } finally {
      performance.now = now;
    }
    return written;
  };

  it('is one line of a terminal, which is gone at the end', () => {
    expect(tellAt(true)).toEqual({
      out: '',
      err: '\r\u001b[Kat 1500\r\u001b[Kat 1700\r\u001b[Kat 7000\r\u001b[K',
    });
  });

  it('is a line now and then elsewhere', () => {
    expect(tellAt(false)).toEqual({ out: '', err: 'at 1500\nat 7000\n' });
  });
});

it('prints JSON without characters that a terminal obeys, and with the same meaning', () => {
  const value = { text: 'a\u009b31m\u0090\u0085\u202e\u2028b', 'na\u009bme': ['\n\u001b'] };

  const text = toJson(value, 2) ?? '';

  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that it is about
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u202e]/);
  expect(JSON.parse(text)).toEqual(value);
});

import { describe, expect, it } from 'vitest';
import { connectByUrl } from '../../src/cli/open.ts';
import { run } from '../../src/cli/run.ts';
import { createBroker, createIo } from './support.ts';

const { mapbus } = createBroker();
const billing = ['--service', 'billing'];

describe('a wrong command', () => {
  it.each([
    ['without a command', [], 'Usage: mapbus'],
    ['with an empty id', ['publish', 'order.placed', ...billing, '--id', ''], 'publish --id: expected a text'],
    ['with an unknown command', ['dead-leters'], "unknown command 'dead-leters'\n(Did you mean dead-letters?)"],
    [
      'with an unknown filter',
      ['dead-letters', 'list', ...billing, '--reasn', 'x'],
      "unknown option '--reasn'\n(Did you mean --reason?)",
    ],
    [
      'with an unknown reason',
      ['dead-letters', 'list', ...billing, '--reason', 'x'],
      "argument 'x' is invalid. Allowed choices are handler_failed",
    ],
    [
      'with an age that is none',
      ['dead-letters', 'list', ...billing, '--older-than', 'soon'],
      '--older-than: expected a time such as 30s, 15m, 2h or 7d, got "soon"',
    ],
    [
      'with a limit that is none',
      ['dead-letters', 'list', ...billing, '--limit', '0'],
      '--limit: expected a number of 1 or more, got "0"',
    ],
    ['without a service', ['dead-letters', 'list'], 'Expected --service, the name of the service'],
    [
      'with a service that is none',
      ['consumers', 'list', '--service', 'a.b'],
      '--service: expected letters, digits, dashes and underscores, got "a.b"',
    ],
    [
      'with a namespace that is none',
      ['consumers', 'list', ...billing, '--namespace', 'a b'],
      '--namespace: expected letters, digits, dashes and underscores, got "a b"',
    ],
    [
      'that redrives nothing in particular',
      ['dead-letters', 'redrive', ...billing],
      'redrive: expected refs of letters, a filter such as --consumer, or --all',
    ],
    [
      'that redrives refs by a filter',
      ['dead-letters', 'redrive', 'a', ...billing, '--all'],
      'redrive: expected refs or a filter, got both',
    ],
    [
      'that limits refs',
      ['dead-letters', 'redrive', 'a', ...billing, '--limit', '1'],
      'redrive: expected refs or a filter, got both',
    ],
    [
      'that discards without a yes',
      ['dead-letters', 'discard', ...billing, '--all'],
      'discard: expected --yes, or --dry-run to see what it would do',
    ],
    [
      'that removes without a yes',
      ['consumers', 'remove', 'a', ...billing],
      'remove: expected --yes, or --dry-run to see what it would do',
    ],
    [
      'that shows a letter in two ways',
      ['dead-letters', 'show', 'a', ...billing, '--json', '--body'],
      'show: expected --json or --body, got both',
    ],
    ['that publishes without a name', ['publish'], 'publish: expected the name of the event'],
    [
      'that publishes a file that is not there',
      ['publish', 'order.placed', '/none/such.json'],
      'publish: cannot read /none/such.json: ENOENT',
    ],
    [
      'that publishes a whole event by another name',
      ['publish', 'a', 'b', '--cloud-event'],
      'publish --cloud-event: expected a file alone',
    ],
    [
      'that gives a whole event a key',
      ['publish', '--cloud-event', '--key', 'k'],
      'publish --cloud-event: expected no name, no --id and no --key',
    ],
    ['that publishes no whole event', ['publish', '--cloud-event'], 'publish --cloud-event: The body is not JSON'],
    ['that plans a module that is not there', ['plan', './none.js'], 'plan: cannot load ./none.js: '],
  ])('%s ends with 2, does nothing and says why', async (_, args, message) => {
    const { code, out, err } = await mapbus(args);

    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(message);
  });

  it.each([
    ['memory:', 'got "memory". The events of memory: are in the process of the service alone\n'],
    ['redis://host', 'got "redis"\n'],
  ])('with the URL %s says where it comes from, and which schemes there are', async (url, message) => {
    const args = ['consumers', 'list', ...billing];
    const ofVariable = createIo({ env: { EVENT_BUS_URL: url } });
    const ofOption = createIo({ env: {} });

    const codes = [
      await run(args, ofVariable.io, connectByUrl, '1.2.3'),
      await run([...args, '--url', url], ofOption.io, connectByUrl, '1.2.3'),
    ];

    const expected = `: expected a URL with one of the schemes amqp, amqps, kafka, kafkas, postgres, postgresql, ${message}`;
    expect(codes).toEqual([2, 2]);
    expect(ofVariable.written.err).toBe(`mapbus: EVENT_BUS_URL${expected}`);
    expect(ofOption.written.err).toBe(`mapbus: --url${expected}`);
  });

  it('without a URL ends with 2', async () => {
    const args = ['dead-letters', 'list', ...billing];

    expect(await mapbus(args, { env: {} })).toEqual({
      code: 2,
      out: '',
      err: 'mapbus: Expected a URL of the broker in EVENT_BUS_URL or --url\n',
    });
  });
});

describe('help', () => {
  const commands = [
    [],
    ...['list', 'show', 'redrive', 'discard'].map((command) => ['dead-letters', command]),
    ...['list', 'remove'].map((command) => ['consumers', command]),
    ...['plan', 'tail', 'publish'].map((command) => [command]),
  ];

  it.each(commands)('of mapbus %s %s goes to standard output, has an example, and ends with 0', async (...args) => {
    const { code, out, err } = await mapbus([...args.filter(Boolean), '--help']);

    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/^Usage: mapbus/);
    expect(out).toContain('\nExamples:\n  $ ');
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
  });

  it('has every exit code', async () => {
    const { out } = await mapbus(['--help']);

    for (const code of [0, 1, 2, 3, 4, 130, 141, 143]) expect(out).toMatch(new RegExp(`\\b${code}\\b`));
  });

  it('is not coloured in a pipe', async () => {
    expect((await mapbus(['--help'])).out).not.toContain('\u001b');
  });
});

it('the version is that of the package', async () => {
  expect(await mapbus(['--version'])).toEqual({ code: 0, out: '1.2.3\n', err: '' });
});

import { readdirSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { parser } from '@prometheus-io/lezer-promql';
import {
  type CountsSnapshot,
  counts,
  createServiceBus,
  memory,
  metricsOf,
  nonRetryable,
  type Sample,
} from 'mapbus/service';
import { describe, expect, it, onTestFinished } from 'vitest';
import dashboard from '../../docs/grafana-dashboard.json' with { type: 'json' };
import { readPage, writeSamples } from '../../scripts/readme.ts';
import type { Io } from '../../src/cli/io.ts';
import { createProgram } from '../../src/cli/program.ts';
import { LOG_LINES } from '../../src/service/log-lines.ts';

const pathOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const page = readPage('docs/operating.md');

writeSamples();
const { serveMetrics } = await import(/* @vite-ignore */ pathOf('../generated/operating/prometheus.ts'));

/** A shop that has handled an event and given one up, with an odd name of an event. */
const createBusyShop = async () => {
  const numbers = counts({ bucketsMs: [1_000, 60_000] });
  const bus = createServiceBus<{ 'order.placed': { total: number }; 'a"b\\c\nd': undefined }>({
    service: 'shop',
    transport: memory(),
    sends: 'all',
    observers: [numbers.observer],
    logger: { debug: () => {}, warn: () => {}, error: () => {} },
  });
  onTestFinished(() => bus.close());
  bus.consume('order.placed', 'charge-card', ({ total }) => {
    if (total < 0) throw nonRetryable('less than nothing');
  });
  bus.subscribe('order.placed', () => Promise.reject(new Error('no')), { name: 'sendMail' });
  await bus.ready();
  for (const total of [3, 4, -1]) await bus.publish('order.placed', { total });
  await bus.publish('a"b\\c\nd');
  await bus.idle();
  return { bus, numbers };
};

/** A snapshot in which every number is known. */
const fullSnapshot = async (): Promise<CountsSnapshot> => {
  const { bus, numbers } = await createBusyShop();
  return numbers.snapshot(bus, { 'charge-card': 5 });
};

const scrape = async (read: () => CountsSnapshot | Promise<CountsSnapshot>) => {
  const server = serveMetrics(read, 0);
  onTestFinished(() => server.close());
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
};

/** Reads a line of the text format: what stands before the number is a selector of PromQL. */
const readSample = (line: string): Sample => {
  const [, selector = '', value = ''] = /^(.+) (\S+)$/.exec(line) ?? [];
  const texts: Record<string, string[]> = {};
  parser.parse(selector).iterate({
    enter: ({ type, from, to }) => {
      if (type.isError) throw new Error(`${line}: not understood at ${from}`);
      texts[type.name] = [...(texts[type.name] ?? []), selector.slice(from, to)];
    },
  });
  const { Identifier: [name = ''] = [], LabelName: labels = [], StringLiteral: strings = [] } = texts;
  const pairs = labels.map((label, index) => [label, JSON.parse(strings[index] ?? '')]);
  return { name, labels: Object.fromEntries(pairs), value: Number(value) };
};

describe('the recipe for Prometheus', () => {
  it('serves each number of a snapshot in the text format', async () => {
    const snapshot = await fullSnapshot();

    const { type, text } = await scrape(() => snapshot);

    expect(type).toBe('text/plain; version=0.0.4');
    expect(text.endsWith('\n')).toBe(true);
    const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(samples.map(readSample)).toEqual(metricsOf(snapshot).flatMap((metric) => metric.samples));
  });

  it('tells what each metric is before its numbers', async () => {
    const snapshot = await fullSnapshot();

    const { text } = await scrape(() => snapshot);

    for (const { name, type, help, samples } of metricsOf(snapshot))
      expect(text).toContain(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${samples[0]?.name}{`);
  });

  it('answers with an error when the numbers cannot be read, and the process goes on', async () => {
    const { status, text } = await scrape(async () => {
      throw new Error('The broker is away');
    });

    expect([status, text]).toEqual([500, 'Error: The broker is away']);
  });

  it('is short', () => {
    const code = readFileSync(pathOf('../generated/operating/prometheus.ts'), 'utf8');

    expect(code.split('\n').filter((line) => line !== '' && !line.startsWith('//')).length).toBeLessThanOrEqual(15);
  });
});

describe('metricsOf', () => {
  it('has the counts with their labels, and times in seconds', async () => {
    const snapshot = await fullSnapshot();

    const samples = metricsOf(snapshot).flatMap((metric) => metric.samples);

    const countOf = (name: string, labels: object = {}) =>
      samples.find((sample) => sample.name === name && isDeepStrictEqual(sample.labels, labels))?.value;
    const consumer = 'charge-card';
    expect(countOf('mapbus_published_total', { event: 'order.placed' })).toBe(3);
    expect(countOf('mapbus_published_total', { event: 'a"b\\c\nd' })).toBe(1);
    expect(countOf('mapbus_handler_failed_total', { handler: 'sendMail' })).toBe(3);
    expect(countOf('mapbus_consumer_handled_total', { consumer })).toBe(2);
    expect(countOf('mapbus_consumer_failed_total', { consumer })).toBe(1);
    expect(countOf('mapbus_consumer_dead_total', { consumer, reason: 'non_retryable' })).toBe(1);
    expect(countOf('mapbus_consumer_waiting', { consumer })).toBe(5);
    expect(countOf('mapbus_consumer_in_force', { consumer })).toBe(1);
    expect(countOf('mapbus_consumer_duration_seconds_count', { consumer })).toBe(3);
    for (const le of ['1', '60', '+Inf'])
      expect(countOf('mapbus_consumer_duration_seconds_bucket', { consumer, le })).toBe(3);
    expect(countOf('mapbus_connected')).toBe(1);
    expect(countOf('mapbus_log_lines_total', { message: 'event_unrouted' })).toBe(1);
    const lastConfirmAtMs = snapshot.connection?.lastConfirmAtMs ?? Number.NaN;
    expect(countOf('mapbus_last_confirm_timestamp_seconds')).toBe(lastConfirmAtMs / 1_000);
  });

  it('leaves out what is not known', async () => {
    const { numbers } = await createBusyShop();

    const named = metricsOf(numbers.snapshot()).filter(({ samples }) => samples.length > 0);

    expect(named.map(({ name }) => name)).toContain('mapbus_consumer_handled_total');
    expect(named.map(({ name }) => name)).not.toContain('mapbus_consumer_in_force');
    expect(named.map(({ name }) => name)).not.toContain('mapbus_connected');
  });
});

/** What an expression of PromQL reads: the names of metrics, and the labels that it names. */
const readExpression = (expression: string) => {
  const text = expression.replace(/\$__(?:rate_interval|range)/g, '5m');
  const found: { metrics: string[]; labels: string[]; mistakes: string[] } = { metrics: [], labels: [], mistakes: [] };
  parser.parse(text).iterate({
    enter: ({ type, from, to, node }) => {
      if (type.isError) found.mistakes.push(`${text} at ${from}`);
      if (type.name === 'Identifier' && node.parent?.name === 'VectorSelector')
        found.metrics.push(text.slice(from, to));
      if (type.name === 'LabelName') found.labels.push(text.slice(from, to));
    },
  });
  return found;
};

interface Known {
  readonly names: ReadonlySet<string>;
  readonly labels: ReadonlySet<string>;
}

const readKnown = async (): Promise<Known> => {
  const samples = metricsOf(await fullSnapshot()).flatMap((one) => one.samples);
  return {
    names: new Set(samples.map(({ name }) => name)),
    // Those that Prometheus adds itself.
    labels: new Set(['job', 'instance', ...samples.flatMap(({ labels }) => Object.keys(labels))]),
  };
};

/** What is wrong with an expression. */
const mistakesIn = (expression: string, { names, labels }: Known): string[] => {
  const found = readExpression(expression);
  return [
    ...found.mistakes,
    ...(found.metrics.length === 0 ? [`${expression} reads no metric`] : []),
    ...found.metrics.filter((name) => !names.has(name)),
    ...found.labels.filter((label) => !labels.has(label)),
  ];
};

describe('the check of expressions', () => {
  it.each(['sum(mapbus_connected', 'mapbus_conected == 0', 'sum by (consumr) (mapbus_connected)', '1 > 0'])(
    'finds a mistake in %s',
    async (expression) => {
      expect(mistakesIn(expression, await readKnown())).toHaveLength(1);
    },
  );
});

const notCalled = () => Promise.reject(new Error('not called'));
const io = { out: notCalled, env: {}, stopped: new AbortController().signal } as unknown as Io;

/** What the command line would not understand of a command. */
const mistakesInCommand = (words: string): string[] => {
  let command = createProgram(io, notCalled, '0.0.0', () => {});
  const rest = words.split(' ');
  for (let next = command; next; next = command.commands.find((one) => one.name() === rest[0]) as typeof command) {
    if (next !== command) rest.shift();
    command = next;
  }
  const values = rest.filter((word, index) => {
    const before = command.options.find(({ long }) => long === rest[index - 1]);
    return !word.startsWith('--') && !before?.required;
  });
  const unknown = rest.filter((word) => word.startsWith('--') && !command.options.some(({ long }) => long === word));
  const { registeredArguments: wanted } = command;
  const fewest = wanted.filter(({ required }) => required).length;
  const most = wanted.some(({ variadic }) => variadic) ? values.length : wanted.length;
  const isFit = command.commands.length === 0 && values.length >= fewest && values.length <= most;
  return unknown.length === 0 && isFit ? [] : [words];
};

const alerts = [...page.matchAll(/- alert: (\w+)\n +expr: (.+)/g)].map(([, name = '', expression = '']) => ({
  name,
  expression,
}));

describe('docs/operating.md', () => {
  it('names each metric, and its labels', async () => {
    const rows = [...page.matchAll(/^\| `(mapbus_\w+)` \|([^|]*)\|/gm)];
    const labelsOf = (text: string) => [...text.matchAll(/`(\w+)`/g)].map(([, label = '']) => label);

    const named = rows.map(([, name = '', labels = '']) => [name, labelsOf(labels)]);
    const metrics = metricsOf(await fullSnapshot());

    expect(named).toEqual(
      metrics.map(({ name, samples }) => [
        name,
        Object.keys(samples[0]?.labels ?? {}).filter((label) => label !== 'le'),
      ]),
    );
  });

  it('has alerts over metrics and labels that exist', async () => {
    const known = await readKnown();

    expect(alerts.length).toBeGreaterThan(10);
    expect(alerts.flatMap(({ expression }) => mistakesIn(expression, known))).toEqual([]);
  });

  it('names only messages of the log in its alerts that exist', () => {
    const messages = [
      ...alerts
        .map(({ expression }) => expression)
        .join('\n')
        .matchAll(/event_\w+/g),
    ].map(String);

    expect(messages.length).toBeGreaterThan(5);
    expect(messages.filter((message) => !LOG_LINES.some((line) => line === message))).toEqual([]);
  });

  it('says why in a comment above each alert', () => {
    const withReason = [...page.matchAll(/ # .+\n +- alert: (\w+)/g)].map(([, name]) => name);

    expect(withReason).toEqual(alerts.map(({ name }) => name));
  });

  const entries = [...page.matchAll(/^#### (\w+)\n\n((?:- .+\n?)+)/gm)].map(([, name = '', text = '']) => ({
    name,
    text,
  }));
  const linesOfSources = new Set(
    readdirSync(pathOf('../../src'), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts') && !path.endsWith('log-lines.ts'))
      .flatMap((path) => [...readFileSync(pathOf(`../../src/${path}`), 'utf8').matchAll(/['"`](event_[a-z_]+)['"`]/g)])
      .map(([, line = '']) => line),
  );

  it('has one entry in its run book for each line of the log and each alert, and no other', () => {
    const wanted = [...linesOfSources, ...alerts.map(({ name }) => name)];

    expect(linesOfSources.size).toBeGreaterThan(30);
    expect(entries.map(({ name }) => name).sort()).toEqual(wanted.sort());
  });

  it('says in each entry what has happened, what is safe and what to do', () => {
    const incomplete = entries.filter(
      ({ text }) => !/^- What happened: .+\n- Safe: .+\n- Do: .+(\n- Command: `npx mapbus .+`)?\n?$/.test(text),
    );

    expect(incomplete).toEqual([]);
  });

  it('names commands with arguments and options that the command line has', () => {
    const commands = [...page.matchAll(/`npx mapbus ([a-z][^`]*)`/g)].map(([, words = '']) => words);

    expect(commands.length).toBeGreaterThan(20);
    expect(commands.flatMap(mistakesInCommand)).toEqual([]);
    expect(['dead-letters lsit', 'plan', 'tail --servise x', 'publish a b c'].flatMap(mistakesInCommand)).toHaveLength(
      4,
    );
  });

  it('counts from the beginning each line that is more than a line for debugging', () => {
    const rows = readPage('docs/failures-and-logging.md').matchAll(/^\| `(event_\w+)` \| (.+?) \|/gm);
    const counted = [...rows].filter(([, , levels]) => levels !== '`debug`').map(([, line = '']) => line);

    expect([...LOG_LINES].sort()).toEqual([...new Set(counted)].sort());
  });
});

describe('docs/grafana-dashboard.json', () => {
  const targets = dashboard.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => ({ title, expr })));

  it('has expressions over metrics and labels that exist', async () => {
    const known = await readKnown();

    expect(targets.length).toBeGreaterThan(15);
    expect(targets.flatMap(({ expr }) => mistakesIn(expr, known))).toEqual([]);
  });

  it('asks the data source and for the job that the user has chosen', () => {
    expect(targets.filter(({ expr }) => !expr.includes('job=~"$job"'))).toEqual([]);
    const sources = dashboard.panels
      .flatMap((panel) => [panel, ...panel.targets])
      .map(({ datasource }) => datasource.uid);
    expect(new Set(sources)).toEqual(new Set(['$' + '{datasource}']));
  });

  it('has panels with names of their own that do not cover each other', () => {
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, index) => `${x + (index % w)} ${y + Math.floor(index / w)}`),
    );

    expect(new Set(cells).size).toBe(cells.length);
    expect(Math.max(...dashboard.panels.map(({ gridPos: { x, w } }) => x + w))).toBe(24);
    expect(new Set(dashboard.panels.map(({ title }) => title)).size).toBe(dashboard.panels.length - 1);
  });
});

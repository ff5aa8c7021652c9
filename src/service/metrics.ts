import type { ConsumerCounts, ConsumerNow, CountsSnapshot, DurationCounts } from './counts-types.ts';

/** One number. */
export interface Sample {
  /** The name of the metric; for a histogram with `_bucket`, `_sum` or `_count` behind it. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metric with all of its numbers, as Prometheus and OpenTelemetry know it. */
export interface Metric {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** What it counts, in a sentence. */
  readonly help: string;
  readonly samples: readonly Sample[];
}

type Labels = Readonly<Record<string, string>>;
type Value = readonly [Labels, number | boolean | undefined];

const seconds = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : ms / 1_000);

/** A number that is not known is left out. */
const metric = (type: 'counter' | 'gauge', name: string, help: string, values: readonly Value[]): Metric => ({
  name,
  type,
  help,
  samples: values.flatMap(([labels, value]) => (value === undefined ? [] : { name, labels, value: Number(value) })),
});

const byName = (label: string, counted: Readonly<Record<string, number>>): Value[] =>
  Object.entries(counted).map(([name, count]) => [{ [label]: name }, count]);

const histogramSamples = (name: string, labels: Labels, { count, sumMs, buckets }: DurationCounts): Sample[] => [
  ...buckets.map((bucket) => ({
    name: `${name}_bucket`,
    labels: { ...labels, le: String(bucket.upToMs / 1_000) },
    value: bucket.count,
  })),
  { name: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: count },
  { name: `${name}_sum`, labels, value: sumMs / 1_000 },
  { name: `${name}_count`, labels, value: count },
];

const histogram = (name: string, help: string, values: readonly (readonly [Labels, DurationCounts])[]): Metric => ({
  name,
  type: 'histogram',
  help,
  samples: values.flatMap(([labels, durations]) => histogramSamples(name, labels, durations)),
});

const publishMetrics = ({ publishes, handlers }: CountsSnapshot): Metric[] => [
  metric('counter', 'mapbus_published_total', 'Events that were published.', byName('event', publishes.published)),
  metric('counter', 'mapbus_publish_failed_total', 'Publishes that failed.', byName('code', publishes.failed)),
  histogram('mapbus_publish_duration_seconds', 'From a publish until its result.', [[{}, publishes.durations]]),
  metric('gauge', 'mapbus_publishes_in_hand', 'Publishes without a result yet.', [[{}, publishes.inHand]]),
  metric('counter', 'mapbus_handled_total', 'Calls of subscribed handlers that succeeded.', [[{}, handlers.handled]]),
  metric(
    'counter',
    'mapbus_handler_failed_total',
    'Calls of subscribed handlers that failed.',
    byName('handler', handlers.failed),
  ),
];

const consumerMetrics = ({ consumers }: CountsSnapshot): Metric[] => {
  const all = Object.entries(consumers);
  const of = (read: (counts: ConsumerCounts) => number | undefined): Value[] =>
    all.map(([consumer, counts]) => [{ consumer }, read(counts)]);
  const at = (read: (now: ConsumerNow) => number | boolean | undefined): Value[] =>
    all.map(([consumer, { now }]) => [{ consumer }, now && read(now)]);
  const dead = all.flatMap(([consumer, counts]) =>
    byName('reason', counts.dead).map(([labels, count]): Value => [{ consumer, ...labels }, count]),
  );
  const durations = all.map(([consumer, counts]) => [{ consumer }, counts.durations] as const);
  const name = (end: string) => `mapbus_consumer_${end}`;
  return [
    metric(
      'counter',
      name('handled_total'),
      'Attempts that succeeded.',
      of(({ handled }) => handled),
    ),
    metric(
      'counter',
      name('failed_total'),
      'Attempts that failed.',
      of(({ failed }) => failed),
    ),
    metric(
      'counter',
      name('retried_total'),
      'Attempts that failed and are tried again.',
      of(({ retried }) => retried),
    ),
    metric('counter', name('dead_total'), 'Events that became dead letters.', dead),
    metric(
      'counter',
      name('returned_total'),
      'Deliveries that were given back.',
      of(({ returned }) => returned),
    ),
    metric(
      'counter',
      name('lost_total'),
      'Deliveries that another process has by now.',
      of(({ lost }) => lost),
    ),
    histogram(name('duration_seconds'), 'From the start of an attempt until its end.', durations),
    metric(
      'gauge',
      name('in_force'),
      '1 if it gets what is published now.',
      at(({ inForce }) => inForce),
    ),
    metric(
      'gauge',
      name('in_hand'),
      'Handlers that run.',
      at(({ inHand }) => inHand),
    ),
    metric(
      'gauge',
      name('abandoned'),
      'Handlers that run although their time is over.',
      at((now) => now.abandoned),
    ),
    metric(
      'gauge',
      name('last_delivery_timestamp_seconds'),
      'When an attempt started last.',
      at((now) => seconds(now.lastDeliveryAtMs)),
    ),
    metric(
      'gauge',
      name('last_failure_timestamp_seconds'),
      'When an attempt failed last.',
      at((now) => seconds(now.lastFailureAtMs)),
    ),
    metric(
      'gauge',
      name('waiting'),
      'Events that wait at the broker.',
      of(({ waiting }) => waiting),
    ),
  ];
};

const connectionMetrics = ({ connection }: CountsSnapshot): Metric[] => {
  if (!connection) return [];
  const { connected, sinceMs, reconnects, lastConfirmAtMs } = connection;
  return [
    metric('gauge', 'mapbus_connected', '1 if the transport is connected.', [[{}, connected]]),
    metric('gauge', 'mapbus_connection_changed_timestamp_seconds', 'Since when it is connected, or not.', [
      [{}, seconds(sinceMs)],
    ]),
    metric('counter', 'mapbus_reconnects_total', 'How often a lost connection was there again.', [[{}, reconnects]]),
    metric('gauge', 'mapbus_last_confirm_timestamp_seconds', 'When the transport has last taken an event.', [
      [{}, seconds(lastConfirmAtMs)],
    ]),
  ];
};

/**
 * The numbers of a snapshot as metrics, with names and units as Prometheus wants them: seconds, and `_total` for a counter.
 * @example
 * metricsOf(numbers.snapshot(bus)).map(({ name }) => name);
 */
export const metricsOf = (snapshot: CountsSnapshot): readonly Metric[] => [
  ...publishMetrics(snapshot),
  ...consumerMetrics(snapshot),
  ...connectionMetrics(snapshot),
  metric('counter', 'mapbus_log_lines_total', 'Warnings and errors in the log.', byName('message', snapshot.lines)),
];

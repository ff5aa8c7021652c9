// Draws docs/dashboard.svg: runs a service, lets a Prometheus scrape it, and asks that for what each panel of
// docs/grafana-dashboard.json shows. It needs the program `prometheus`, or its path in PROMETHEUS.
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import dashboard from '../../docs/grafana-dashboard.json' with { type: 'json' };
import { writeSamples } from '../readme.ts';
import { type DrawnPanel, draw, type Line } from './draw.ts';
import { type Prometheus, startPrometheus } from './prometheus.ts';
import { startService } from './service.ts';

const SECONDS = Number(process.env.DASHBOARD_SECONDS ?? 120);
const METRICS_PORT = 19_465;

interface Target {
  readonly expr: string;
  readonly legendFormat: string;
}

/** The variables of Grafana. */
const fillIn = (expression: string) =>
  expression.replaceAll('$job', 'shop').replaceAll('$__rate_interval', '10s').replaceAll('$__range', `${SECONDS}s`);

const linesOf = async (
  { ask }: Prometheus,
  { expr, legendFormat }: Target,
  from: number,
  to: number,
): Promise<Line[]> => {
  const series = await ask(fillIn(expr), from, to);
  return series.map(({ labels, points }) => ({
    name: legendFormat.replace(/\{\{(\w+)\}\}/g, (_, label: string) => labels[label] ?? ''),
    points,
  }));
};

writeSamples();
const recipe = fileURLToPath(new URL('../../test/generated/operating/prometheus.ts', import.meta.url));
const { serveMetrics } = await import(recipe);
const service = await startService();
const server = serveMetrics(service.snapshot, METRICS_PORT);
const prometheus = await startPrometheus(METRICS_PORT);
const from = Math.ceil(Date.now() / 1_000) + 10;
const to = from + SECONDS;
await sleep(to * 1_000 - Date.now());

const panels: DrawnPanel[] = [];
for (const { title, type, gridPos, targets, fieldConfig } of dashboard.panels) {
  const lines: Line[] = [];
  for (const target of targets) lines.push(...(await linesOf(prometheus, target, from, to)));
  const { unit, thresholds } = fieldConfig.defaults;
  panels.push({ title, type, gridPos, unit, steps: thresholds?.steps ?? [], lines });
}
writeFileSync(new URL('../../docs/dashboard.svg', import.meta.url), draw(panels, from, to));
prometheus.stop();
server.close();
await service.stop();
process.exit();

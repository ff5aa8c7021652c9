/** A line of a panel. */
export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [seconds: number, value: number])[];
}

/** A panel with its lines, in cells of a grid that is 24 wide. */
export interface DrawnPanel {
  readonly title: string;
  readonly type: string;
  readonly unit: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  /** The steps of a number's colour, by the least value that has it. */
  readonly steps: readonly { readonly color: string; readonly value: number | null }[];
  readonly lines: readonly Line[];
}

const CELL = { width: 50, height: 25 };
const GAP = 4;
const COLORS = ['#2f7ed8', '#d9822b', '#3a9d5d', '#a64ca6', '#c0392b', '#7f8c8d', '#16a085', '#8e6c3a'];
const STEPS: Readonly<Record<string, string>> = { green: '#3a9d5d', red: '#c0392b' };
const AXIS = '#d0d7de';
const TEXT = '#57606a';

const escapeText = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const text = (x: number, y: number, size: number, content: string, more = '') =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" font-size="${size}" ${more}>${escapeText(content)}</text>`;

const show = (value: number, unit: string): string => {
  const digits = Number(value.toPrecision(2));
  if (unit !== 's') return String(digits);
  return value > 0 && value < 1 ? `${Number((value * 1_000).toPrecision(2))} ms` : `${digits} s`;
};

/** 1, 2 or 5 times a power of ten. */
const roundUp = (value: number): number => {
  const power = 10 ** Math.floor(Math.log10(value));
  return (([1, 2, 5, 10].find((step) => value <= step * power) as number) ?? 10) * power;
};

const colorOf = ({ steps }: DrawnPanel, value: number): string => {
  const step = steps.findLast((one) => one.value === null || value >= one.value);
  return STEPS[step?.color ?? ''] ?? '#7f8c8d';
};

const drawStat = (panel: DrawnPanel, width: number, height: number): string => {
  const value = panel.lines[0]?.points.at(-1)?.[1] ?? 0;
  const shown = String(Math.round(value));
  return [
    `<rect width="${width}" height="${height}" rx="4" fill="${colorOf(panel, value)}"/>`,
    text(10, 20, 13, panel.title, 'fill="#fff"'),
    text(width / 2, height - 18, 34, shown, 'fill="#fff" text-anchor="middle" font-weight="600"'),
  ].join('');
};

const drawLegend = (lines: readonly Line[], width: number, top: number): string => {
  let [x, y] = [12, top];
  return lines
    .map(({ name }, index) => {
      const needed = 20 + name.length * 6.2;
      if (x + needed > width) [x, y] = [12, y + 14];
      const entry =
        `<rect x="${x}" y="${y - 7}" width="10" height="3" fill="${COLORS[index % COLORS.length]}"/>` +
        text(x + 14, y, 11, name, `fill="${TEXT}"`);
      x += needed;
      return entry;
    })
    .join('');
};

const drawGraph = ({ title, unit, lines }: DrawnPanel, width: number, height: number, from: number, to: number) => {
  const area = { left: 52, right: width - 10, top: 32, bottom: height - 48 };
  const finite = lines.map((line) => ({ ...line, points: line.points.filter(([, value]) => Number.isFinite(value)) }));
  const highest = Math.max(0, ...finite.flatMap(({ points }) => points.map(([, value]) => value)));
  const max = highest > 0 ? roundUp(highest) : 1;
  const x = (seconds: number) => area.left + ((seconds - from) / (to - from)) * (area.right - area.left);
  const y = (value: number) => area.bottom - (value / max) * (area.bottom - area.top);
  const grid = [0, max / 2, max].map(
    (value) =>
      `<line x1="${area.left}" x2="${area.right}" y1="${y(value)}" y2="${y(value)}" stroke="${AXIS}"/>` +
      text(area.left - 6, y(value) + 4, 11, show(value, unit), `fill="${TEXT}" text-anchor="end"`),
  );
  const drawn = finite.map(({ points }, index) => {
    const path = points.map(([seconds, value]) => `${x(seconds).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
    return `<polyline points="${path}" fill="none" stroke="${COLORS[index % COLORS.length]}" stroke-width="1.5"/>`;
  });
  const nothing =
    lines.length > 0 ? '' : text(width / 2, height / 2, 13, 'No data', `fill="${TEXT}" text-anchor="middle"`);
  return [
    `<rect width="${width}" height="${height}" rx="4" fill="#fff" stroke="${AXIS}"/>`,
    text(12, 20, 13, title, 'fill="#24292f" font-weight="600"'),
    ...grid,
    ...drawn,
    nothing,
    drawLegend(lines, width, height - 22),
  ].join('');
};

/** The panels as an SVG, between two times in seconds since 1970. */
export const draw = (panels: readonly DrawnPanel[], from: number, to: number): string => {
  const rows = Math.max(...panels.map(({ gridPos: { y, h } }) => y + h));
  const [width, height] = [24 * CELL.width, rows * CELL.height];
  const drawn = panels.map((panel) => {
    const { x, y, w, h } = panel.gridPos;
    const [inner, tall] = [w * CELL.width - GAP, h * CELL.height - GAP];
    const content = panel.type === 'stat' ? drawStat(panel, inner, tall) : drawGraph(panel, inner, tall, from, to);
    return `<g transform="translate(${x * CELL.width + GAP / 2} ${y * CELL.height + GAP / 2})">${content}</g>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif">`,
    '<title>The panels of the dashboard, with what Prometheus has answered</title>',
    `<rect width="${width}" height="${height}" fill="#f6f8fa"/>`,
    ...drawn,
    '</svg>',
    '',
  ].join('\n');
};

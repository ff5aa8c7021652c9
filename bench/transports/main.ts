// What the bus costs over a broker, against its bare client, on two versions of Node.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { npmCi } from '../../scripts/npm-ci.ts';
import { file } from '../processes.ts';

const runtimes = file('../scripts/runtimes');
await npmCi(runtimes);

const measureOn = (version: number): string => {
  const node = `${runtimes}/node_modules/node-${version}/bin/node`;
  const args = ['--import', 'tsx', file('transports/measure.ts')];
  const tables = execFileSync(node, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  return `## Node ${version}\n\n${tables}`;
};

const intro = `# What the bus costs over a broker

Events with a payload of 256 bytes: published with confirms, 100 in flight, then handled with a prefetch of 100,
each acknowledged; counted from the second one published and the first one handled, since what comes before is
connecting. Every side sends its payload as JSON and reads it again. Medians of interleaved rounds, ratios within a
round; ${cpus()[0]?.model}, the broker on the same machine. Made by \`npm run bench:transports\`.

The bus keeps an \`AsyncLocalStorage\`. Before Node 24 that makes every promise of the process slower, those of the
client included.
`;
const text = [intro, ...[24, 20].map(measureOn)].join('\n');
writeFileSync(file('transports/RESULTS.md'), text);
console.log(text);

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createServiceBus } from 'mapbus/service';
import { transportFromUrl } from 'mapbus/url';
import { expect, it } from 'vitest';
import { ensureService } from '../../scripts/services/main.ts';
import { ensurePython } from '../../scripts/services/python.ts';
import { tryToInstall } from '../../scripts/try-to-install.ts';
import { unique, until } from '../faults/support.ts';

export const hasPython = await tryToInstall('Python with the package cloudevents', ensurePython);

/** Declares the tests with a program in Python over one broker. */
export const testPython = async (kind: 'rabbitmq' | 'kafka'): Promise<void> => {
  const { url } = await ensureService(kind);

  it('reads our events and is read by our handlers', async () => {
    // The topic of a name with a dash has another name.
    const name = unique('asked').replaceAll('-', '.');
    const bus = createServiceBus<Record<string, unknown>>({
      service: unique('asker'),
      transport: await transportFromUrl(kind === 'kafka' ? `kafka://${url}` : url),
      sends: 'all',
      keys: { [name]: () => 'k' },
    });
    const answers = new Map<string, unknown>();
    bus.consume(`${name}.answered`, 'listen', (payload, { id, occurredAt, metadata }) =>
      answers.set(id, [payload, occurredAt, metadata]),
    );
    // So that there is a topic to read before anything is published.
    bus.consume(name, 'ignore', () => {});
    await bus.ready();
    const script = fileURLToPath(new URL('peer.py', import.meta.url));
    const env = { ...process.env, PYTHONPATH: ensurePython() };
    const peer = spawn('python3', [script, kind, url, name], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    const lines: string[] = [];
    createInterface(peer.stdout).on('line', (line) => lines.push(line));
    await until('the program', () => lines.length > 0, 60_000);

    const { id } = await bus.publish(name, { question: 'größer?' }, { metadata: { trace_id: 'a' } });
    await Promise.all([
      once(peer, 'exit'),
      until('the answers', () => answers.size === (kind === 'kafka' ? 2 : 1), 30_000),
    ]);

    expect(JSON.parse(lines[1] ?? '{}')).toMatchObject({
      attributes: { id, type: name, specversion: '1.0', partitionkey: 'k', metadata: '{"trace_id":"a"}' },
      data: { question: 'größer?' },
    });
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const at = new Date('2026-01-02T03:04:05Z');
    expect(answers.get('from-python-1')).toEqual([{ answer: { question: 'größer?' } }, at, { traceparent }]);
    if (kind === 'kafka') expect(answers.get('from-python-2')).toEqual([{ answer: 'binary' }, at, {}]);
    await bus.close();
  }, 120_000);
};

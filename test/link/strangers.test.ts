import { link } from 'mapbus/link';
import { describe, expect, it, vi } from 'vitest';
import { createHostile } from '../support.ts';
import { createRecordingBus, createTextPort, message } from './support.ts';

const junk: readonly unknown[] = [
  undefined,
  null,
  7,
  7n,
  true,
  '',
  'hello',
  '{',
  '[]',
  'null',
  '"text"',
  '{"type":"ping"}',
  [],
  {},
  new Map(),
  new Date(0),
  new ArrayBuffer(8),
  () => {},
  createHostile(),
  Object.create(null),
  { type: 'ping' },
  { type: 'webpackOk', data: undefined },
  message({ specversion: '0.3' }),
  message({ specversion: 1 }),
  message({ source: 'https://example.com' }),
  message({ source: undefined }),
  message({ source: { startsWith: 'no function' } }),
  message({ id: '' }),
  message({ id: 7 }),
  message({ id: undefined }),
  message({ time: 'yesterday' }),
  message({ time: undefined }),
  message({ time: {} }),
  message({ time: Symbol('time') }),
  message({ hops: 0 }),
  message({ hops: -1 }),
  message({ hops: Number.NaN }),
  message({ hops: undefined }),
  message({ hops: 'many' }),
  message({ hops: '5' }),
  message({ hops: 3n }),
  message({ hops: [5] }),
  message({ hops: true }),
  message({ hops: new Date(1) }),
  message({ id: ['x'] }),
  message({ hops: {} }),
];

describe('a message of a stranger', () => {
  it.each(junk.map((given) => [given]))('is ignored, and shown to onRefused (%#)', (given) => {
    const { port, say } = createTextPort();
    const { bus, values, lines } = createRecordingBus();
    const refused: string[] = [];
    link(bus, port, { receive: ['ping'], onRefused: (reason) => refused.push(reason) });
    const uncaught = vi.fn();
    globalThis.addEventListener?.('error', uncaught);

    say(given);

    globalThis.removeEventListener?.('error', uncaught);
    expect(uncaught).not.toHaveBeenCalled();
    expect(values).toEqual([]);
    expect(lines).toEqual([]);
    expect(refused).toEqual(['not_cloudevent']);
  });

  it('is ignored without onRefused', () => {
    const { port, say } = createTextPort();
    const { bus, values, lines } = createRecordingBus();
    link(bus, port, { receive: ['ping'] });

    for (const given of junk) say(given);
    say(message({ type: 'pong' }));

    expect(values).toEqual([]);
    expect(lines).toEqual([]);
  });

  it.each(['constructor', '__proto__', 'toString', '', ['ping'], undefined, null, 7])(
    'never enters by the name %s',
    (type) => {
      const { port, say } = createTextPort();
      const { bus } = createRecordingBus();
      const all = vi.fn();
      bus.subscribeAll(all);
      link(bus, port, { receive: ['ping'] });

      say(message({ type }));
      say(JSON.stringify(message({ type })));

      expect(all).not.toHaveBeenCalled();
    },
  );

  it('costs the console a line, once, if onRefused throws', () => {
    const shown = vi.spyOn(console, 'error').mockReturnValue();
    const { port, say } = createTextPort();
    const { bus, values } = createRecordingBus();
    const onRefused = () => {
      throw new Error('broken');
    };
    link(bus, port, { receive: ['ping'], onRefused });

    say('hello');
    say('hello');
    say(message());

    expect(shown.mock.calls).toEqual([
      ['[mapbus] onRefused failed. Its further failures are not shown.', new Error('broken')],
    ]);
    expect(values).toEqual([1]);
  });

  it('that was refused once is not taken for known when its name is received', () => {
    const { port, say } = createTextPort();
    const { bus, values } = createRecordingBus();
    const given = message();
    const unlink = link(bus, port, { receive: ['pong'] });
    say(given);
    unlink();
    link(bus, port, { receive: ['ping'] });

    say(given);

    expect(values).toEqual([1]);
  });

  it('may have more attributes, which are ignored', () => {
    const { port, say } = createTextPort();
    const { bus, values } = createRecordingBus();
    link(bus, port, { receive: ['ping'] });

    say(message({ subject: 'x', session: 'stolen', __proto__: { admin: true } }));

    expect(values).toEqual([1]);
  });
});

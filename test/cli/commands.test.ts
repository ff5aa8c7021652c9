import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from '../../src/cli/run.ts';
import { createBroker, createIo, whenRedriving } from './support.ts';

const service = ['--service', 'billing'];

describe('dead-letters list', () => {
  it('gives a cursor that begins after the last letter that it has shown, also with a filter', async () => {
    const { mapbus, openDead } = createBroker();
    const { letters } = await openDead(3, ['charge-card', 'send-mail']);
    const list = (...more: string[]) =>
      mapbus(['dead-letters', 'list', ...service, '--json', '--event', 'order.*', '--limit', '4', ...more]);
    const refs = (await letters()).map(({ ref }) => ref);

    const first = JSON.parse((await list()).out);
    const second = JSON.parse((await list('--after', first.next)).out);

    const refsOf = (page: { letters: { ref: string }[] }) => page.letters.map(({ ref }) => ref);
    expect([...refsOf(first), ...refsOf(second)]).toEqual(refs);
    expect(second.next).toBeUndefined();
  });

  it('tells on standard error that there may be more, and that there are none', async () => {
    const { mapbus, openDead } = createBroker();
    await openDead(2);

    const some = await mapbus(['dead-letters', 'list', ...service, '--limit', '1']);
    const none = await mapbus(['dead-letters', 'list', ...service, '--reason', 'too_large']);

    expect(some.err).toMatch(/^There may be more: --after \d+\n$/);
    expect(none).toEqual({ code: 0, out: '', err: 'No dead letters.\n' });
  });

  it.each([
    [
      'service',
      ['--service', 'other'],
      'The broker knows no consumer of this service. Is the name of the service right?',
    ],
    [
      'consumer',
      [...service, '--consumer', 'nosuch'],
      'The broker knows no consumer "nosuch" of this service. Is the name right?',
    ],
  ])('tells of a %s that the broker does not know', async (_, args, hint) => {
    const { mapbus, openDead } = createBroker();
    await openDead(1);

    const list = await mapbus(['dead-letters', 'list', ...args]);
    const redrive = await mapbus(['dead-letters', 'redrive', ...args, '--event', '*']);

    expect(list).toEqual({ code: 0, out: '', err: `No dead letters.\n${hint}\n` });
    expect(redrive).toEqual({ code: 0, out: 'Redriven: 0 letters.\n', err: `No letter fits.\n${hint}\n` });
  });

  it('lists no consumers for a hint where it may not', async () => {
    const { mapbus } = createBroker(({ operator }) => ({
      operator: operator && { ...operator, consumers: () => Promise.reject(new Error('permission denied')) },
    }));

    expect(await mapbus(['dead-letters', 'list', ...service])).toEqual({ code: 0, out: '', err: 'No dead letters.\n' });
  });

  it('finds the letters of an event by the id of a log line', async () => {
    const { mapbus, openDead } = createBroker();
    const { letters } = await openDead(2, ['charge-card', 'send-mail']);
    const id = (await letters())[0]?.event?.id ?? '';

    const { out } = await mapbus(['dead-letters', 'list', ...service, '--json', '--event-id', id]);

    const found: { consumer: string; eventId: string }[] = JSON.parse(out).letters;
    expect(found.map(({ consumer, eventId }) => [consumer, eventId])).toEqual([
      ['charge-card', id],
      ['send-mail', id],
    ]);
  });

  it('refuses a cursor that no page has told', async () => {
    const { mapbus, openDead } = createBroker();
    await openDead(1);

    expect(await mapbus(['dead-letters', 'list', ...service, '--after', 'nonsense'])).toEqual({
      code: 2,
      out: '',
      err: 'mapbus: --after: expected what the page before has told, got "nonsense"\n',
    });
  });

  it('ends with 130 when it is interrupted, and with 143 when it is asked to end', async () => {
    const { connect, openDead } = createBroker();
    await openDead(1);
    const codeAfter = async (reason: string) => {
      const { io, stop } = createIo();
      stop(reason);
      return run(['dead-letters', 'list', ...service], io, connect, '1.2.3');
    };

    expect([await codeAfter('interrupted'), await codeAfter('terminated')]).toEqual([130, 143]);
  });
});

describe('dead-letters show', () => {
  it('tells how to find the letters of an event, where there is no such ref', async () => {
    const { mapbus, openDead } = createBroker();
    await openDead(1);

    const { code, err } = await mapbus(['dead-letters', 'show', '01a2', ...service]);

    expect([code, err]).toEqual([
      1,
      'mapbus: There is no dead letter "01a2". If it is the id of an event, find its letters by: dead-letters list --event-id 01a2\n',
    ]);
  });

  it('prints JSON whose fields are those of a list, and more', async () => {
    const { mapbus, openDead } = createBroker();
    const { letters } = await openDead(1);
    const [letter] = await letters();

    const listed = JSON.parse((await mapbus(['dead-letters', 'list', ...service, '--json'])).out).letters[0];
    const shown = JSON.parse((await mapbus(['dead-letters', 'show', letter?.ref ?? '', ...service, '--json'])).out);

    expect(shown).toMatchObject(listed);
    expect(shown).toMatchObject({ event: 'order.placed', source: '/billing', metadata: {}, payload: { n: 0 } });
    expect(JSON.parse(shown.body)).toMatchObject({ id: listed.eventId });
  });
});

describe('dead-letters redrive', () => {
  it('to a consumer that no process runs says so', async () => {
    const { mapbus, openDead } = createBroker();
    const { bus } = await openDead(2);
    await bus.close();

    expect(await mapbus(['dead-letters', 'redrive', ...service, '--all'])).toEqual({
      code: 0,
      out: 'Redriven: 2 letters.\n',
      err: 'No process runs the consumer charge-card now. Its events wait until one does.\n',
    });
  });

  it('that is interrupted while it looks does nothing', async () => {
    const { connect, openDead } = createBroker();
    const { letters } = await openDead(2);
    const { io, written, stop } = createIo();
    stop();

    const code = await run(['dead-letters', 'redrive', ...service, '--all'], io, connect, '1.2.3');

    expect([code, written]).toEqual([130, { out: '', err: 'Interrupted. Nothing was done.\n' }]);
    expect(await letters()).toHaveLength(2);
  });

  it('that is interrupted finishes the batch in hand, and tells how many it has not begun', async () => {
    const { io, written, stop } = createIo();
    const { connect, openDead } = createBroker(whenRedriving(stop));
    const { letters, state } = await openDead(250);
    state.isBroken = false;

    const code = await run(['dead-letters', 'redrive', ...service, '--all'], io, connect, '1.2.3');

    expect(code).toBe(130);
    expect(written.out).toBe('Redriven: 100 letters.\n');
    expect(written.err).toBe(
      'Finishing the letters in hand. Ctrl-C again ends at once.\nInterrupted. Not begun, and as before: 150 letters\n',
    );
    expect(await letters()).toHaveLength(150);
  });

  it('that is interrupted in its last batch has done all, and ends with 0', async () => {
    const { io, written, stop } = createIo();
    const { connect, openDead } = createBroker(whenRedriving(stop));
    const { state } = await openDead(2);
    state.isBroken = false;

    expect(await run(['dead-letters', 'redrive', ...service, '--all'], io, connect, '1.2.3')).toBe(0);
    expect(written.out).toBe('Redriven: 2 letters.\n');
  });

  it('counts what was redriven before the transport has failed, and goes on with the next consumer', async () => {
    const { mapbus, openDead } = createBroker(({ deadLetters }) => ({
      deadLetters: deadLetters && {
        ...deadLetters,
        redrive: async (refs) => {
          const { letters } = await deadLetters.page({ limit: 1_000 });
          const first = letters.find(({ ref }) => refs.includes(ref));
          if (first?.consumer !== 'charge-card') return deadLetters.redrive(refs);
          await deadLetters.redrive(refs.slice(0, 2));
          throw new Error('its queue is gone');
        },
      },
    }));
    const { letters, state } = await openDead(3, ['charge-card', 'send-mail']);
    state.isBroken = false;

    const { code, out, err } = await mapbus(['dead-letters', 'redrive', ...service, '--all']);

    expect([code, out]).toEqual([1, 'Redriven: 5 letters.\n']);
    expect(err).toBe('Not redriven, 1 letter of charge-card: its queue is gone\n');
    expect(await letters()).toHaveLength(1);
  });

  it('goes on with the next batch of a consumer where the transport has failed after all letters of one', async () => {
    const { mapbus, openDead } = createBroker(({ deadLetters }) => ({
      deadLetters: deadLetters && {
        ...deadLetters,
        redrive: async (refs) => {
          const done = await deadLetters.redrive(refs);
          if (refs.length === 100) throw new Error('no answer');
          return done;
        },
      },
    }));
    const { letters, state } = await openDead(150);
    state.isBroken = false;

    const { code, out, err } = await mapbus(['dead-letters', 'redrive', ...service, '--all']);

    expect([code, out, err]).toEqual([0, 'Redriven: 150 letters.\n', '']);
    expect(await letters()).toEqual([]);
  });

  it('says what it knows when the broker has gone in the middle', async () => {
    let isGone = false;
    const { mapbus, openDead } = createBroker(({ deadLetters }) => ({
      deadLetters: deadLetters && {
        ...deadLetters,
        page: (query) => (isGone ? Promise.reject(new Error('connect ECONNREFUSED')) : deadLetters.page(query)),
        redrive: async (refs) => {
          if (refs.length === 100) return deadLetters.redrive(refs);
          isGone = true;
          throw Object.assign(new Error('Connection closed'), { code: 'ECONNRESET' });
        },
      },
    }));
    const { state } = await openDead(120);
    state.isBroken = false;

    const { code, out, err } = await mapbus(['dead-letters', 'redrive', ...service, '--all']);

    expect([code, out]).toEqual([1, '']);
    expect(err).toContain(
      'Connection closed. Redriven for certain: 100 letters. Of the next 20 it is not known: a list shows what is left',
    );
  });

  it('says of letters that the transport has passed over that another operator may have them', async () => {
    const { mapbus, openDead } = createBroker(({ deadLetters }) => ({
      deadLetters: deadLetters && { ...deadLetters, redrive: async () => 0 },
    }));
    await openDead(2);

    const { code, out, err } = await mapbus(['dead-letters', 'redrive', ...service, '--all']);

    expect([code, out]).toEqual([1, 'Redriven: 0 letters.\n']);
    expect(err).toBe(
      'Not redriven, 2 letters of charge-card: its consumer is gone, or another operator has it in hand: try again in a minute\n',
    );
  });

  it('counts what somebody else has redriven meanwhile', async () => {
    const { mapbus, openDead } = createBroker(({ deadLetters }) => ({
      deadLetters: deadLetters && {
        ...deadLetters,
        redrive: async (refs) => {
          await deadLetters.redrive(refs.slice(0, 1));
          return deadLetters.redrive(refs);
        },
      },
    }));
    const { state } = await openDead(3);
    state.isBroken = false;

    const { code, out, err } = await mapbus(['dead-letters', 'redrive', ...service, '--all']);

    expect([code, out, err]).toEqual([0, 'Redriven: 2 letters.\n', 'Gone meanwhile: 1 letter\n']);
  });
});

describe('a transport without the part that a command needs', () => {
  const { mapbus } = createBroker(({ features }) => ({
    operator: undefined,
    features: { ...features, keepsDeadLetters: false },
  }));

  it.each([
    [['dead-letters', 'list', ...service], 'This transport keeps no dead letters'],
    [['consumers', 'list', ...service], 'This transport has nothing for an operator'],
  ])('is named: %s', async (args, message) => {
    expect(await mapbus(args)).toEqual({ code: 1, out: '', err: `mapbus: ${message}\n` });
  });
});

describe('plan', () => {
  const write = async (code: string) => {
    const path = join(await mkdtemp(join(tmpdir(), 'mapbus-plan-')), 'consumers.mjs');
    await writeFile(path, code);
    return path;
  };

  it.each([
    ['nothing', 'export {};', 'expected a default export that is a function (bus) => void'],
    ['a function that throws', "export default () => { throw new Error('no database'); };", 'no database'],
    [
      'options that are none',
      'export const options = 1; export default () => {};',
      'expected the export "options" to be an object',
    ],
    ['what cannot be loaded', "import 'none/such';", 'plan: cannot load'],
    [
      'a bad option',
      "export default (bus) => bus.consume('a', 'b', () => {}, { concurency: 1 });",
      'unknown option concurency',
    ],
  ])('of a module that exports %s says so', async (_, code, message) => {
    const { code: exitCode, err } = await createBroker().mapbus(['plan', await write(code), ...service]);

    expect(exitCode).toBeGreaterThan(0);
    expect(err).toContain(message);
  });

  it('of a module that exports a bus closes it, and refuses', async () => {
    const closed = Symbol.for('closed by the test of the plan');
    const module = await write(
      `export const bus = { consume() {}, close: async () => { globalThis[Symbol.for('${closed.description}')] = true; } };`,
    );

    const { code, err } = await createBroker().mapbus(['plan', module, ...service]);

    expect([code, Reflect.get(globalThis, closed)]).toEqual([2, true]);
    expect(err).toContain('exports a bus, whose consumers have just started');
  });

  it('takes the service, the namespace and the defaults of the module', async () => {
    const contexts: unknown[] = [];
    const { connect } = createBroker();
    const { io, written } = createIo();
    const module = await write(`export const options = { service: 'billing', namespace: 'test', sends: ['a'] };
export default async (bus) => { bus.consume('order.placed', 'charge-card', () => {}); };`);

    const code = await run(
      ['plan', module],
      io,
      (url, context, urlFrom) => {
        contexts.push([context.service, context.namespace, context.sends]);
        return connect(url, context, urlFrom);
      },
      '1.2.3',
    );

    expect(contexts).toEqual([['billing', 'test', new Set(['a'])]]);
    expect([code, written.out]).toEqual([
      3,
      '+ consumer charge-card\n1 consumer. Missing: 1, different: 0, not planned: 0.\n',
    ]);
  });
});

describe('publish', () => {
  it('says that no consumer gets the event', async () => {
    const { mapbus } = createBroker();

    const { code, err } = await mapbus(['publish', 'order.placed']);

    expect([code, err]).toEqual([0, 'No consumer gets it.\n']);
  });
});

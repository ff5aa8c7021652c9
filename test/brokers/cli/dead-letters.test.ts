import { describe, expect, it } from 'vitest';
import { eventually, findBrokers, holdLetter, mapbus, openConnection, openDead, start, unique } from './support.ts';

const brokers = await findBrokers();

describe.each(brokers)('mapbus dead-letters over $kind', (broker) => {
  const { url } = broker;

  it('lists letters as a table that is plain in a pipe, and looks at them without a change', async () => {
    const { service, name, letters } = await openDead(broker, 2);
    const refs = (await letters()).map(({ ref }) => ref);

    const { code, out, err } = await mapbus(url, 'dead-letters', 'list', '--service', service);

    const [head = '', ...rows] = out.trimEnd().split('\n');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(head.split(/ {2,}/)).toEqual(['REF', 'CONSUMER', 'EVENT', 'REASON', 'ATTEMPT', 'DIED', 'ERROR']);
    expect(rows.map((row) => row.split(' ')[0])).toEqual(refs);
    for (const row of rows) {
      expect(row).toContain(name);
      expect(row).toMatch(
        / non_retryable +1 +\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ +\w*Error: unknown currency \\u001b\[31mNOK$/,
      );
    }
    expect((await letters()).map(({ ref }) => ref)).toEqual(refs);
  });

  it('filters, pages and prints JSON', async () => {
    const { service, name, letters } = await openDead(broker, 3);
    const wanted = (await letters()).filter(({ consumer }) => consumer === 'send-mail').map(({ ref }) => ref);
    const args = ['dead-letters', 'list', '--service', service, '--json', '--consumer', 'send-mail', '--limit', '2'];
    const pattern = `${name.slice(0, 8)}*${name.slice(-4)}`;

    const first = JSON.parse((await mapbus(url, ...args, '--event', pattern)).out);
    const second = JSON.parse((await mapbus(url, ...args, '--newer-than', '1h', '--after', first.next)).out);
    const none = await Promise.all([
      mapbus(url, ...args, '--event', 'order.other'),
      mapbus(url, ...args, '--older-than', '1h'),
      mapbus(url, ...args, '--reason', 'too_large'),
    ]);

    const refsOf = (page: { letters: { ref: string }[] }) => page.letters.map(({ ref }) => ref);
    expect([refsOf(first), refsOf(second)]).toEqual([wanted.slice(0, 2), wanted.slice(2)]);
    expect(second.next).toBeUndefined();
    expect(none.map(({ code, out }) => [code, JSON.parse(out).letters])).toEqual(none.map(() => [0, []]));
  });

  it('tells of a service and of a consumer that the broker does not know', async () => {
    const { service } = await openDead(broker, 1);
    const list = (...args: string[]) => mapbus(url, 'dead-letters', 'list', '--service', ...args);

    const ended = await Promise.all([list(unique('nobody')), list(service, '--consumer', 'nosuch')]);

    const hints = [
      'The broker knows no consumer of this service. Is the name of the service right?',
      'The broker knows no consumer "nosuch" of this service. Is the name right?',
    ];
    expect(ended).toEqual(hints.map((hint) => ({ code: 0, out: '', err: `No dead letters.\n${hint}\n` })));
  });

  it('finds the letters of an event by the id of a log line', async () => {
    const { service, letters } = await openDead(broker, 2);
    const id = (await letters())[0]?.event?.id ?? '';

    const { out } = await mapbus(url, 'dead-letters', 'list', '--service', service, '--event-id', id, '--json');

    const found: { consumer: string; eventId: string }[] = JSON.parse(out).letters;
    expect(found.map(({ consumer, eventId }) => [consumer, eventId]).sort()).toEqual([
      ['charge-card', id],
      ['send-mail', id],
    ]);
  });

  it('refuses a cursor that no page has told', async () => {
    const { service } = await openDead(broker, 1);

    const { code, out, err } = await mapbus(url, 'dead-letters', 'list', '--service', service, '--after', 'nonsense');

    expect({ code, out, err }).toEqual({
      code: 2,
      out: '',
      err: 'mapbus: --after: expected what the page before has told, got "nonsense"\n',
    });
  });

  it('shows a letter, and its body byte for byte', async () => {
    const { service, name, letters } = await openDead(broker, 1);
    const [letter] = await letters();
    const show = (...more: string[]) =>
      mapbus(url, 'dead-letters', 'show', letter?.ref ?? '', '--service', service, ...more);

    const [plain, json, body] = [await show(), await show('--json'), await show('--body')];

    expect(plain.out).toContain(`ref       ${letter?.ref}\nconsumer  ${letter?.consumer}\n`);
    expect(plain.out).toContain(`event     ${name}\n`);
    expect(plain.out).not.toContain('\u001b');
    expect(JSON.parse(json.out)).toMatchObject({ event: name, source: `/${service}`, payload: { n: 0 } });
    expect(body.out).toBe(new TextDecoder().decode(Buffer.from(letter?.body ?? '')));
  });

  it('redrives the letters of one consumer, after a dry run that changes nothing', async () => {
    const { service, state, letters, handledBy } = await openDead(broker, 3);
    const args = ['dead-letters', 'redrive', '--service', service, '--consumer', 'charge-card'];
    state.isBroken = false;

    const dry = await mapbus(url, ...args, '--dry-run');
    expect(await letters()).toHaveLength(6);
    const { code, out } = await mapbus(url, ...args);

    expect([dry.code, dry.out.trimEnd().split('\n').at(-1)]).toEqual([0, 'Would redrive 3 letters. Nothing was done.']);
    expect([code, out]).toEqual([0, 'Redriven: 3 letters.\n']);
    await eventually('the events', () => handledBy('charge-card').length === 3);
    expect(handledBy('send-mail')).toEqual([]);
    expect((await letters()).map(({ consumer }) => consumer)).toEqual(['send-mail', 'send-mail', 'send-mail']);
  });

  it('redrives and discards letters by their refs, and does nothing if one of them is not there', async () => {
    const { service, state, letters, handledBy } = await openDead(broker, 2);
    state.isBroken = false;
    const [first = '', second = '', ...rest] = (await letters()).map(({ ref }) => ref);
    const change = (verb: string, ...more: string[]) =>
      mapbus(url, 'dead-letters', verb, ...more, '--service', service, '--json');

    const missing = await change('redrive', first, 'nothing');
    const untouched = (await letters()).length;
    const redriven = await change('redrive', first);
    const unsaid = await change('discard', second);
    const discarded = await change('discard', second, '--yes');

    expect([missing.code, missing.err]).toEqual([1, 'mapbus: There is no dead letter "nothing". Nothing was done\n']);
    expect(untouched).toBe(4);
    expect(JSON.parse(redriven.out)).toEqual({ redriven: 1, left: [], gone: 0, notBegun: 0 });
    expect([unsaid.code, unsaid.err]).toEqual([
      2,
      'mapbus: discard: expected --yes, or --dry-run to see what it would do\n',
    ]);
    expect(JSON.parse(discarded.out)).toEqual({ discarded: 1, left: [], gone: 0, notBegun: 0 });
    expect((await letters()).map(({ ref }) => ref)).toEqual(rest);
    await eventually('the event', () => [...handledBy('charge-card'), ...handledBy('send-mail')].length === 1);
  });

  it('keeps the letters of a consumer that is gone, says so, and redrives those of the others', async () => {
    const { bus, service, letters } = await openDead(broker, 2);
    await bus.close();
    const connection = await openConnection(broker, service);
    await eventually('the end of the process', async () =>
      (await connection.operator?.consumers())?.every(({ isRun }) => !isRun),
    );
    await connection.operator?.remove('charge-card');

    const { code, out, err } = await mapbus(url, 'dead-letters', 'redrive', '--service', service, '--all');

    expect([code, out]).toEqual([1, 'Redriven: 2 letters.\n']);
    const waits = 'No process runs the consumer send-mail now. Its events wait until one does.';
    expect(err).toMatch(new RegExp(`^Not redriven, 2 letters of charge-card: .+\\n${waits}\\n$`));
    const left = (await connection.deadLetters?.page({ limit: 100 }))?.letters ?? [];
    expect(left.map(({ consumer }) => consumer)).toEqual(['charge-card', 'charge-card']);
    void letters;
  });

  it('ends after the letters in hand at Ctrl-C, and says what it has done', async () => {
    const { service, state, letters, handledBy } = await openDead(broker, 400);
    state.isBroken = false;
    const own = (await letters()).filter(({ consumer }) => consumer === 'charge-card');
    const release = await holdLetter(broker, own[150]?.ref ?? '');
    const { child, ended, says } = start(url, [
      ...['dead-letters', 'redrive', '--service', service],
      ...['--consumer', 'charge-card'],
    ]);

    await eventually('the first event', () => handledBy('charge-card').length > 0);
    child.kill('SIGINT');
    await says('Finishing the letters in hand. Ctrl-C again ends at once.\n');
    await release();
    const { code, out, err } = await ended;

    const redriven = Number(/^Redriven: (\d+) letters?\.\n$/.exec(out)?.[1]);
    expect({ code, redriven: redriven > 0 && redriven < 400 }).toEqual({ code: 130, redriven: true });
    expect(err).toContain(`Interrupted. Not begun, and as before: ${400 - redriven} letters\n`);
    await eventually('the redriven events', () => handledBy('charge-card').length === redriven);
    const left = (await letters()).filter(({ consumer }) => consumer === 'charge-card');
    expect(left).toHaveLength(400 - redriven);

    const again = await mapbus(url, 'dead-letters', 'redrive', '--service', service, '--consumer', 'charge-card');

    expect(again.out).toBe(`Redriven: ${400 - redriven} letters.\n`);
    await eventually('all events', () => handledBy('charge-card').length === 400);
    expect(new Set(handledBy('charge-card').map((payload) => JSON.stringify(payload))).size).toBe(400);
  });

  it('ends quietly when nobody reads its output', async () => {
    const { service } = await openDead(broker, 1);
    const { child, ended } = start(url, ['dead-letters', 'list', '--service', service]);
    child.stdout?.destroy();

    expect(await ended).toEqual({ code: 141, out: '', err: '' });
  });
});

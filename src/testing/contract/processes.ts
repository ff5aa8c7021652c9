import { clause, DONE, dataOf, messageOf, publishAll, range, receive, send, specOf } from './clause.ts';
import { countOf, distinct, expectEqual, expectFewer } from './expect.ts';

const shared = clause('two processes of a consumer share its events', [], async (tools) => {
  const name = tools.unique('order.placed');
  const seen = tools.collect<unknown>();
  const buses = [tools.join('mail'), tools.join('mail')];
  for (const bus of buses) bus.consume(name, 'send', (payload) => seen.add(payload));
  await Promise.all(buses.map((bus) => bus.ready()));

  await publishAll(tools.join('writer'), name, range(50));

  await seen.until('50 events', (items) => distinct(items).length === 50);
  await tools.quiet();
  // An event may come twice. A copy for each process is too much.
  expectFewer('deliveries of 50 events', seen.items.length, 100);
});

const bothTakePart = clause('of two processes of a consumer, both get events', [], async (tools) => {
  const name = tools.unique('order.placed');
  const seen = tools.collect<number>();
  const buses = [tools.join('mail'), tools.join('mail')];
  const gate = tools.createGate();
  buses.forEach((bus, index) => {
    const handle = async () => {
      seen.add(index);
      await gate.opened;
    };
    bus.consume(name, 'send', handle, { concurrency: 1 });
  });
  await Promise.all(buses.map((bus) => bus.ready()));

  await publishAll(tools.join('writer'), name, range(30));

  await seen.until('an event in each process', (items) => distinct(items).length === 2);
});

const ownConsumersOnly = clause('a process gets no events of consumers that it does not run', [], async (tools) => {
  const [mail, ledger] = [specOf('mail', tools.unique('order.placed')), specOf('ledger', tools.unique('order.paid'))];
  const seen = tools.collect<string>();
  for (const spec of [mail, ledger])
    await receive(tools.connect('shop'), spec, async (delivery) => {
      seen.add(`${spec.consumer} got ${dataOf(delivery)}`);
      return DONE;
    });
  const writer = tools.connect('writer');

  for (const { consumer, names } of [mail, ledger])
    for (const name of names)
      for (const index of range(10)) await send(writer, messageOf(name, `${consumer} ${index}`));

  await seen.until('20 events', (items) => distinct(items).length === 20);
  await tools.quiet();
  const strangers = seen.items.filter((item) => /mail got ledger|ledger got mail/.test(item));
  expectEqual('events in the wrong process', strangers, []);
});

const joining = clause('a process that joins a running one takes nothing away', [], async (tools) => {
  const name = tools.unique('order.placed');
  const seen = tools.collect<unknown>();
  const gate = tools.createGate();
  const handle = async (payload: unknown) => {
    await gate.opened;
    seen.add(payload);
  };
  const first = tools.join('mail');
  first.consume(name, 'send', handle, { concurrency: 1 });
  await first.ready();
  await publishAll(tools.join('writer'), name, range(20));

  const second = tools.join('mail');
  second.consume(name, 'send', handle, { concurrency: 1 });
  await second.ready();
  gate.open();

  await seen.until('20 events', (items) => distinct(items).length === 20);
});

const waitsForItsProcess = clause('a consumer that no process runs gets its events later', [], async (tools) => {
  const name = tools.unique('order.placed');
  const seen = tools.collect<unknown>();
  const join = async () => {
    const bus = tools.join('mail');
    bus.consume(name, 'send', (payload) => seen.add(payload));
    await bus.ready();
    return bus;
  };
  // A process of the service stays, without the consumer.
  await tools.join('mail').ready();
  const writer = tools.join('writer');

  for (const round of range(3)) {
    const bus = await join();
    await publishAll(writer, name, [`${round} here`]);
    await seen.until('the events so far', (items) => distinct(items).length === 2 * round + 1);
    await bus.close();
    await publishAll(writer, name, [`${round} away`]);
  }
  await join();

  await seen.until('six events', (items) => distinct(items).length === 6);
});

const stopping = clause('the events of a consumer that is stopped wait for the next process', [], async (tools) => {
  const spec = specOf('send', tools.unique('order.placed'), { concurrency: 1 });
  const [name = ''] = spec.names;
  const seen = tools.collect<[string, unknown]>();
  const gate = tools.createGate();
  const receiving = await receive(tools.connect('mail'), spec, async (delivery) => {
    seen.add(['first', dataOf(delivery)]);
    await gate.opened;
    return DONE;
  });
  await publishAll(tools.join('writer'), name, range(10));
  await seen.until('the first event', ({ length }) => length > 0);

  await receiving.stop();
  const before = seen.items.length;
  gate.open();
  await receive(tools.connect('mail'), spec, async (delivery) => {
    seen.add(['second', dataOf(delivery)]);
    return DONE;
  });

  await seen.until('10 events', (items) => distinct(items.map(([, data]) => data)).length === 10);
  await tools.quiet();
  const inFirst = countOf(seen.items, ([process]) => process === 'first');
  expectEqual('events that began in the stopped process', inFirst - before, 0);
});

const independentCopies = clause('a consumer that fails does not multiply the events of another', [], async (tools) => {
  const name = tools.unique('order.placed');
  const seen = tools.collect<[string, unknown]>();
  const bus = tools.join('shop');
  bus.consume(name, 'steady', (payload) => seen.add(['steady', payload]));
  const failures: unknown[] = [];
  const fail = (payload: unknown) => {
    failures.push(payload);
    seen.add(['failing', payload]);
    if (countOf(failures, (other) => other === payload) < 4) throw new Error('not yet');
  };
  bus.consume(name, 'failing', fail);
  await bus.ready();

  await publishAll(tools.join('writer'), name, range(10));

  await seen.until('four attempts of each', () =>
    range(10).every((payload) => countOf(failures, (other) => other === payload) >= 4),
  );
  await seen.until('10 events in both', (items) => distinct(items.map((item) => item.join())).length === 20);
  await tools.quiet();
  // Three retries of each would make four copies of each.
  expectFewer(
    'deliveries to the other',
    countOf(seen.items, ([consumer]) => consumer === 'steady'),
    30,
  );
});

const independentTime = clause('a consumer that hangs does not delay the events of another', [], async (tools) => {
  const name = tools.unique('order.placed');
  const seen = tools.collect<unknown>();
  const gate = tools.createGate();
  const [hanging, steady] = [tools.join('shop'), tools.join('audit')];
  hanging.consume(name, 'hanging', () => gate.opened, { concurrency: 1 });
  steady.consume(name, 'steady', (payload) => seen.add(payload), { concurrency: 1 });
  await Promise.all([hanging.ready(), steady.ready()]);

  await publishAll(tools.join('writer'), name, range(20));

  await seen.until('20 events', (items) => distinct(items).length === 20);
});

/** What the processes and the consumers of a service are to each other. */
export const processes = [
  shared,
  bothTakePart,
  ownConsumersOnly,
  joining,
  waitsForItsProcess,
  stopping,
  independentCopies,
  independentTime,
];

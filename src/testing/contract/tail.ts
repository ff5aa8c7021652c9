import { type Bus, type ClauseTools, clause, publishAll, range } from './clause.ts';
import { countOf, distinct, expectEqual } from './expect.ts';

const NEEDS = ['tails'] as const;

/** Tells when a tail works: it misses what is published before. */
const warmUp = async (tools: ClauseTools, writer: Bus, name: string, count: () => number): Promise<void> => {
  await tools.eventually('the first event of each tail', async () => {
    await publishAll(writer, name, ['warm-up']);
    return count() > 0 ? true : undefined;
  });
};

const onceEach = clause('a tail hears each event once, in every process', NEEDS, async (tools) => {
  const name = tools.unique('order.placed');
  const seen = tools.collect<[number, unknown]>();
  const buses = [tools.join('screen'), tools.join('screen'), tools.join('shop')];
  buses.forEach((bus, index) => {
    bus.tail([name]).subscribe(name, (payload) => seen.add([index, payload]));
  });
  const [, , writer = tools.join('shop')] = buses;
  const of = (index: number, payload: unknown) =>
    countOf(seen.items, ([other, each]) => other === index && each === payload);
  await warmUp(tools, writer, name, () => Math.min(...range(3).map((index) => of(index, 'warm-up'))));

  await publishAll(writer, name, range(20));

  await seen.until('20 events in three processes', () =>
    range(20).every((each) => [0, 1, 2].every((index) => of(index, each) > 0)),
  );
  await tools.quiet();
  const twice = seen.items.filter(([index, payload]) => payload !== 'warm-up' && of(index, payload) > 1);
  expectEqual('events that came twice', twice, []);
});

/** A tail that begins now hears the warm-up and nothing else. */
const expectNothingEarlier = async (tools: ClauseTools, writer: Bus, name: string): Promise<void> => {
  const seen = tools.collect<unknown>();
  tools
    .join('screen')
    .tail([name])
    .subscribe(name, (payload) => seen.add(payload));
  await warmUp(tools, writer, name, () => seen.items.length);
  expectEqual('the events', distinct(seen.items), ['warm-up']);
};

const fromNowOn = clause('a tail hears nothing from before it was there', NEEDS, async (tools) => {
  const name = tools.unique('order.placed');
  const writer = tools.join('shop');
  let heard = 0;
  tools
    .join('board')
    .tail([name])
    .subscribe(name, () => heard++);
  await warmUp(tools, writer, name, () => heard);
  await publishAll(writer, name, ['early']);

  await expectNothingEarlier(tools, writer, name);
});

const leavesNothing = clause('a tail that has ended leaves nothing for the next one', NEEDS, async (tools) => {
  const name = tools.unique('order.placed');
  const writer = tools.join('shop');
  const first = tools.join('screen');
  let heard = 0;
  first.tail([name]).subscribe(name, () => heard++);
  await warmUp(tools, writer, name, () => heard);
  await first.close();
  await publishAll(writer, name, ['between']);

  await expectNothingEarlier(tools, writer, name);
});

const stopped = clause('a tail hears nothing once it is stopped', NEEDS, async (tools) => {
  const name = tools.unique('order.placed');
  const connection = tools.connect('screen');
  const writer = tools.join('shop');
  let heard = 0;
  const receiving = await connection.tail?.([name], () => heard++);
  await warmUp(tools, writer, name, () => heard);

  await receiving?.stop();
  const before = heard;
  await publishAll(writer, name, range(5));
  await tools.quiet();

  expectEqual('events after the stop', heard - before, 0);
});

const takesNothing = clause('a tail takes nothing away from consumers', NEEDS, async (tools) => {
  const name = tools.unique('order.placed');
  const seen = tools.collect<unknown>();
  const bus = tools.join('shop');
  bus.consume(name, 'count', (payload) => seen.add(payload));
  bus.tail([name]).subscribe(name, () => {});
  await bus.ready();

  await publishAll(tools.join('writer'), name, range(20));

  await seen.until('20 events', (items) => distinct(items).length === 20);
});

/** What `tail` hears. */
export const tail = [onceEach, fromNowOn, leavesNothing, stopped, takesNothing];

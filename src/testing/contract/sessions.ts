import { clause, publishAll } from './clause.ts';
import { expectEqual } from './expect.ts';

const NEEDS = ['enlists'] as const;

const committed = clause('an event of a transaction arrives once that has committed', NEEDS, async (tools) => {
  const name = tools.unique('order.placed');
  const seen = tools.collect<unknown>();
  const reader = tools.join('reader');
  reader.consume(name, 'read', (payload) => seen.add(payload));
  await reader.ready();
  const { session, commit } = await tools.begin();

  const { error } = await tools.join('writer').publish(name, 'committed', { session });
  await commit();

  expectEqual('what publish tells', error?.message, undefined);
  await seen.until('the event', (items) => items.includes('committed'));
});

const rolledBack = clause(
  'an event of a transaction arrives neither before it commits nor after it was rolled back',
  NEEDS,
  async (tools) => {
    const name = tools.unique('order.placed');
    const seen = tools.collect<unknown>();
    const reader = tools.join('reader');
    reader.consume(name, 'read', (payload) => seen.add(payload));
    await reader.ready();
    const writer = tools.join('writer');
    // One transaction at a time: some databases have one connection.
    const { session, rollBack } = await tools.begin();

    await writer.publish(name, 'rolled back', { session });
    await tools.quiet();
    const early = [...seen.items];
    await rollBack();
    await publishAll(writer, name, ['next']);
    await seen.until('the next event', (items) => items.includes('next'));
    await tools.quiet();

    expectEqual('events before a commit', early, []);
    expectEqual(
      'events without a commit',
      seen.items.filter((payload) => payload !== 'next'),
      [],
    );
  },
);

/** What a publisher's transaction does to its events. */
export const sessions = [committed, rolledBack];

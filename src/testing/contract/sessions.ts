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
    const [open, rolled] = [await tools.begin(), await tools.begin()];

    await writer.publish(name, 'open', { session: open.session });
    await writer.publish(name, 'rolled back', { session: rolled.session });
    await rolled.rollBack();
    await publishAll(writer, name, ['next']);

    await seen.until('the next event', (items) => items.includes('next'));
    await tools.quiet();
    const early = seen.items.filter((payload) => payload !== 'next');
    await open.rollBack();
    expectEqual('events without a commit', early, []);
  },
);

/** What a publisher's transaction does to its events. */
export const sessions = [committed, rolledBack];

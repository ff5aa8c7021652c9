import { expectEqual } from './expect.ts';
import { clause, publishAll } from './stage.ts';

const NEEDS = ['enlists'] as const;

const committed = clause('an event of a transaction arrives once that has committed', NEEDS, async (stage) => {
  const name = stage.unique('order.placed');
  const seen = stage.collect<unknown>();
  const reader = stage.join('reader');
  reader.consume(name, 'read', (payload) => seen.add(payload));
  await reader.ready();
  const { session, commit } = await stage.begin();

  const { error } = await stage.join('writer').publish(name, 'committed', { session });
  await commit();

  expectEqual('what publish tells', error?.message, undefined);
  await seen.until('the event', (items) => items.includes('committed'));
});

const rolledBack = clause(
  'an event of a transaction arrives neither before it commits nor after it was rolled back',
  NEEDS,
  async (stage) => {
    const name = stage.unique('order.placed');
    const seen = stage.collect<unknown>();
    const reader = stage.join('reader');
    reader.consume(name, 'read', (payload) => seen.add(payload));
    await reader.ready();
    const writer = stage.join('writer');
    const [open, rolled] = [await stage.begin(), await stage.begin()];

    await writer.publish(name, 'open', { session: open.session });
    await writer.publish(name, 'rolled back', { session: rolled.session });
    await rolled.rollBack();
    await publishAll(writer, name, ['next']);

    await seen.until('the next event', (items) => items.includes('next'));
    await stage.quiet();
    const early = seen.items.filter((payload) => payload !== 'next');
    await open.rollBack();
    expectEqual('events without a commit', early, []);
  },
);

/** What a publisher's transaction does to its events. */
export const sessions = [committed, rolledBack];

import { describe, expect, it } from 'vitest';
import { createBatches } from '../../src/kafka/batches.ts';

const item = (name: string, bytes = 1) => ({ name, value: new Uint8Array(bytes) });
type Item = ReturnType<typeof item>;
const { signal } = new AbortController();
const isRefusal = (error: unknown) => error instanceof RangeError;

/** Notes the names of each batch, and answers when it is told to. */
const createBroker = () => {
  const sent: string[][] = [];
  const answers: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const send = (items: readonly { name: string }[]) => {
    sent.push(items.map(({ name }) => name));
    return new Promise<void>((resolve, reject) => answers.push({ resolve, reject }));
  };
  const answer = async (error?: Error) => {
    const next = answers.shift();
    if (error) next?.reject(error);
    else next?.resolve();
    await new Promise((resolve) => setTimeout(resolve));
  };
  return { sent, send, answer };
};

describe('batches', () => {
  it('send the first at once, and what comes meanwhile together, in its order', async () => {
    const { sent, send, answer } = createBroker();
    const add = createBatches<Item>(send, isRefusal);

    const adding = ['a', 'b', 'c'].map((name) => add(item(name), signal));
    expect(sent).toEqual([['a']]);
    await answer();
    expect(sent).toEqual([['a'], ['b', 'c']]);
    await answer();

    await expect(Promise.all(adding)).resolves.toHaveLength(3);
  });

  it('are bounded in bytes, but for one item that is larger by itself', async () => {
    const { sent, send, answer } = createBroker();
    const add = createBatches<Item>(send, isRefusal);

    for (const [name, kilobytes] of [
      ['a', 1],
      ['b', 300],
      ['c', 300],
      ['d', 900],
      ['e', 1],
    ] as const)
      void add(item(name, kilobytes * 1024), signal);
    for (let batch = 0; batch < 5; batch++) await answer();

    expect(sent).toEqual([['a'], ['b'], ['c'], ['d'], ['e']]);
  });

  it('that the broker refuses are sent again one by one, so that only what is refused fails', async () => {
    const { sent, send, answer } = createBroker();
    const add = createBatches<Item>(send, isRefusal);

    void add(item('first'), signal);
    const adding = Promise.allSettled(['a', 'b', 'c'].map((name) => add(item(name), signal)));
    await answer();
    await answer(new RangeError('one of them is too large'));
    await answer();
    await answer(new RangeError('too large'));
    await answer();

    expect(sent).toEqual([['first'], ['a', 'b', 'c'], ['a'], ['b'], ['c']]);
    expect((await adding).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  it('that got no answer fail as one, since the broker may have them', async () => {
    const { sent, send, answer } = createBroker();
    const add = createBatches<Item>(send, isRefusal);
    const cut = new Error('cut');

    void add(item('first'), signal);
    const adding = Promise.allSettled([add(item('a'), signal), add(item('b'), signal)]);
    await answer();
    await answer(cut);

    expect(sent).toEqual([['first'], ['a', 'b']]);
    expect(await adding).toMatchObject([{ reason: cut }, { reason: cut }]);
  });

  it('leave out what nobody waits for any more', async () => {
    const { sent, send, answer } = createBroker();
    const add = createBatches<Item>(send, isRefusal);
    const controller = new AbortController();

    void add(item('first'), signal);
    const late = expect(add(item('late'), controller.signal)).rejects.toThrow('late');
    const inTime = add(item('in time'), signal);
    controller.abort(new Error('late'));
    await answer();
    await answer();

    expect(sent).toEqual([['first'], ['in time']]);
    await late;
    await inTime;
  });
});

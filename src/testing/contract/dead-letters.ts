import type { Message, Outcome, StoredDeadLetter } from '../../transport/index.ts';
import {
  type ClauseTools,
  clause,
  DEAD,
  DONE,
  dataOf,
  lettersOf,
  messageOf,
  range,
  receive,
  send,
  specOf,
  storeOf,
  textOf,
} from './clause.ts';
import { countOf, distinct, expectEqual } from './expect.ts';

const NEEDS = ['keepsDeadLetters'] as const;

/** A service whose consumers give up what they get, until `isBroken` is false. */
const createFailingService = async (tools: ClauseTools, consumers: readonly string[]) => {
  const name = tools.unique('order.placed');
  const connection = tools.connect('reader');
  const writer = tools.connect('writer');
  const seen = tools.collect<{ readonly consumer: string; readonly data: unknown; readonly attempt: number }>();
  const state = { isBroken: true };
  for (const consumer of consumers) {
    await receive(connection, specOf(consumer, name), async (delivery) => {
      seen.add({ consumer, data: dataOf(delivery), attempt: delivery.attempt });
      return state.isBroken ? DEAD : DONE;
    });
  }
  /** Publishes, and waits for the dead letters of each consumer. One event after another, so that the order is known. */
  const giveUp = async (data: readonly unknown[]): Promise<readonly StoredDeadLetter[]> => {
    for (const [index, each] of data.entries()) {
      await send(writer, messageOf(name, each));
      await tools.eventually(`dead letter ${index + 1} of ${consumers.length} consumers`, async () => {
        const found = (await lettersOf(connection)).filter((letter) => dataOf(letter) === each);
        return distinct(found.map(({ consumer }) => consumer)).length === consumers.length ? found : undefined;
      });
    }
    return lettersOf(connection);
  };
  return { name, connection, seen, state, giveUp, deadLetters: storeOf(connection) };
};

const dataOfAll = (letters: readonly StoredDeadLetter[]) => distinct(letters.map(dataOf));
const sortedData = (letters: readonly StoredDeadLetter[]) => dataOfAll(letters).map(String).sort();
const sortedRange = (count: number) => range(count).map(String).sort();

const dieOnce = async (tools: ClauseTools, message: Message, outcome: Outcome): Promise<StoredDeadLetter> => {
  const connection = tools.connect('reader');
  await receive(connection, specOf('read', message.name), async () => outcome);
  await send(tools.connect('writer'), message);
  return tools.eventually('the dead letter', async () => (await lettersOf(connection))[0]);
};

const facts = clause('a dead letter tells its consumer, reason, attempt, error and time', NEEDS, async (tools) => {
  const error = { name: 'RangeError', message: 'grüß dich 👋' };
  const startedAt = Date.now();

  const message = messageOf(tools.unique('order.placed'), 1);
  const letter = await dieOnce(tools, message, { is: 'dead', reason: 'non_retryable', attempt: 7, error });

  const { consumer, reason, attempt } = letter;
  const { name, message: text } = letter.error;
  expectEqual(
    'the letter',
    [consumer, reason, attempt, name, text],
    ['read', 'non_retryable', 7, ...Object.values(error)],
  );
  // The clock of a broker may be another one.
  expectEqual('minutes since it died', Math.round((letter.diedAt.getTime() - startedAt) / 600_000), 0);
});

const exactBody = clause('a dead letter has the body byte for byte', NEEDS, async (tools) => {
  const message = messageOf(tools.unique('order.placed'), undefined);
  const body = `${message.body.slice(0, -1)} , "data" :\t{"n":12345678901234567890,"f":1.0,"text":"\\u0041"} }\r\n`;

  const letter = await dieOnce(tools, { ...message, body }, DEAD);

  expectEqual('the body', textOf(letter.body), body);
});

const longError = clause(
  'an error of any length makes a dead letter, and the next event goes on',
  NEEDS,
  async (tools) => {
    const name = tools.unique('order.placed');
    const connection = tools.connect('reader');
    const seen = tools.collect<unknown>();
    const error = { name: '漢'.repeat(10_000), message: '漢字'.repeat(100_000) };
    await receive(connection, specOf('read', name, { concurrency: 1 }), async (delivery) => {
      const data = dataOf(delivery);
      seen.add(data);
      return data === 'dies' ? { is: 'dead', reason: 'handler_failed', attempt: 1, error } : DONE;
    });
    const writer = tools.connect('writer');

    await send(writer, messageOf(name, 'dies'));
    await seen.until('the first event', (items) => items.includes('dies'));
    await send(writer, messageOf(name, 'next'));

    await seen.until('the next event', (items) => items.includes('next'));
    await tools.eventually('the dead letter', async () => (await lettersOf(connection))[0]);
  },
);

const looking = clause('to look at dead letters 30 times changes nothing', NEEDS, async (tools) => {
  const { connection, giveUp } = await createFailingService(tools, ['read']);
  const before = await giveUp(range(3));

  for (const _ of range(30)) await lettersOf(connection);

  const after = await lettersOf(connection);
  // Another copy of an event may have died meanwhile.
  const refs = before.map(({ ref }) => ref);
  const kept = after.filter(({ ref }) => refs.includes(ref));
  const lookOf = ({ ref, body, attempt, reason }: StoredDeadLetter) => [ref, textOf(body), attempt, reason];
  expectEqual('the letters', kept.map(lookOf), before.map(lookOf));
});

const pages = clause('dead letters come in pages, each letter once', NEEDS, async (tools) => {
  const { giveUp, deadLetters } = await createFailingService(tools, ['read']);
  const letters = await giveUp(range(5));

  const refs: string[] = [];
  const sizes: number[] = [];
  let after: string | undefined;
  do {
    const page = await deadLetters.page({ after, limit: 2 });
    refs.push(...page.letters.map(({ ref }) => ref));
    sizes.push(page.letters.length);
    after = page.next;
  } while (after !== undefined && sizes.length < 20);

  expectEqual(
    'pages of more than two',
    countOf(sizes, (size) => size > 2),
    0,
  );
  expectEqual('letters that came twice', refs.length - distinct(refs).length, 0);
  const missing = letters.filter(({ ref }) => !refs.includes(ref));
  expectEqual('letters that no page had', missing, []);
});

const oldestFirst = clause('the oldest dead letter comes first', NEEDS, async (tools) => {
  const { giveUp } = await createFailingService(tools, ['read']);

  const letters = await giveUp(range(4));

  expectEqual('the events', dataOfAll(letters), range(4));
});

const ofOneConsumer = clause('the dead letters of one consumer can be asked for', NEEDS, async (tools) => {
  const { giveUp, deadLetters } = await createFailingService(tools, ['first', 'second']);
  await giveUp(range(3));

  const { letters } = await deadLetters.page({ consumer: 'second', limit: 100 });

  expectEqual('the events', sortedData(letters), sortedRange(3));
  expectEqual('the consumers', distinct(letters.map(({ consumer }) => consumer)), ['second']);
});

const ofOneService = clause('a service sees its own dead letters only', NEEDS, async (tools) => {
  const { giveUp } = await createFailingService(tools, ['read']);
  await giveUp([1]);

  const letters = await lettersOf(tools.connect('other'));

  expectEqual('letters of another service', letters.length, 0);
});

const redriveFirst = clause('a redriven event comes again as a first attempt', NEEDS, async (tools) => {
  const name = tools.unique('order.placed');
  const connection = tools.connect('reader');
  const seen = tools.collect<number>();
  let isBroken = true;
  await receive(connection, specOf('read', name), async ({ attempt }) => {
    seen.add(attempt);
    return isBroken ? { ...DEAD, attempt: 9 } : DONE;
  });
  await send(tools.connect('writer'), messageOf(name, 1));
  const letter = await tools.eventually('the dead letter', async () => (await lettersOf(connection))[0]);
  const before = seen.items.length;
  isBroken = false;

  const redriven = await storeOf(connection).redrive([letter.ref]);

  expectEqual('redriven letters', redriven, 1);
  await seen.until('the redriven event', ({ length }) => length > before);
  expectEqual('attempts', distinct(seen.items), [1]);
});

const redriveAlone = clause('a redriven event comes to the consumer of its letter alone', NEEDS, async (tools) => {
  const { connection, seen, state, giveUp, deadLetters } = await createFailingService(tools, ['first', 'second']);
  const letters = (await giveUp(range(8))).filter(({ consumer }) => consumer === 'first');
  const before = seen.items.length;
  state.isBroken = false;

  await deadLetters.redrive(letters.map(({ ref }) => ref));

  const redriven = () => seen.items.slice(before);
  const eventsOf = (consumer: string) =>
    distinct(redriven().flatMap((item) => (item.consumer === consumer ? [item.data] : [])));
  await seen.until('the redriven events', () => eventsOf('first').length === 8);
  await tools.quiet();
  // Late copies of a few may have come. A redrive to all would bring each.
  expectEqual('whether the other consumer got all', eventsOf('second').length === 8, false);
  const others = (await lettersOf(connection)).filter(({ consumer }) => consumer === 'second');
  expectEqual('letters of the other consumer', sortedData(others), sortedRange(8));
});

const redrivenIsGone = clause('a redriven event is no dead letter any more', NEEDS, async (tools) => {
  const { connection, seen, state, giveUp, deadLetters } = await createFailingService(tools, ['read']);
  const letters = await giveUp(range(3));
  const refs = letters.map(({ ref }) => ref);
  const before = seen.items.length;
  state.isBroken = false;

  await deadLetters.redrive(refs);
  await seen.until('the redriven events', ({ length }) => length >= before + 3);

  const left = (await lettersOf(connection)).filter(({ ref }) => refs.includes(ref));
  expectEqual('redriven letters', left.length, 0);
});

const discarding = clause('discard removes the letters that it is given, and no other', NEEDS, async (tools) => {
  const { connection, giveUp, deadLetters } = await createFailingService(tools, ['read']);
  const letters = await giveUp(range(4));
  const [, second = '', , fourth = ''] = letters.map(({ ref }) => ref);
  const given = [second, fourth];

  const discarded = await deadLetters.discard(given);

  const left = (await lettersOf(connection)).map(({ ref }) => ref);
  const wanted = letters.map(({ ref }) => ref).filter((ref) => !given.includes(ref));
  expectEqual('discarded letters', discarded, 2);
  expectEqual(
    'letters that are left',
    wanted.filter((ref) => left.includes(ref)),
    wanted,
  );
  expectEqual(
    'given letters that are left',
    given.filter((ref) => left.includes(ref)),
    [],
  );
});

const goneLetters = clause('letters that are gone are neither redriven nor discarded', NEEDS, async (tools) => {
  const { giveUp, deadLetters } = await createFailingService(tools, ['read']);
  const refs = (await giveUp([1])).map(({ ref }) => ref);
  await deadLetters.discard(refs);

  const counts = [await deadLetters.redrive(refs), await deadLetters.discard(refs)];

  expectEqual('letters', counts, [0, 0]);
});

/** What an operator does with events that were given up. */
export const deadLetters = [
  facts,
  exactBody,
  longError,
  looking,
  pages,
  oldestFirst,
  ofOneConsumer,
  ofOneService,
  redriveFirst,
  redriveAlone,
  redrivenIsGone,
  discarding,
  goneLetters,
];

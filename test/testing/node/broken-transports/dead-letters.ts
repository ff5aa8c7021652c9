import type { Connection, DeadLetterQuery, StoredDeadLetter } from 'mapbus/transport';
import { broken, NEVER, parsed, rewritten } from './tools.ts';
import { textOf } from './with-fault.ts';

type Store = NonNullable<Connection['deadLetters']>;

/** Changes what dead letters do. */
const withStore = (change: (store: Store, inner: Connection) => Partial<Store>) => (inner: Connection) => {
  const { deadLetters } = inner;
  return deadLetters ? { deadLetters: { ...deadLetters, ...change(deadLetters, inner) } } : {};
};

const ALL: DeadLetterQuery = { limit: 1_000 };

export const brokenDeadLetters = [
  broken(
    'takes every dead letter for a first attempt',
    'a dead letter tells its consumer, reason, attempt, error and time',
    () => ({ page: (letters) => letters.map((letter) => ({ ...letter, attempt: 1 })) }),
  ),

  broken('serialises the bodies of dead letters anew', 'a dead letter has the body byte for byte', () => ({
    page: (letters) => letters.map((letter) => ({ ...letter, body: rewritten(letter.body) })),
  })),

  broken(
    'has no room for a long error',
    'an error of any length makes a dead letter, and the next event goes on',
    () => ({
      deliver: async ({ run }) => {
        const outcome = await run();
        return outcome.is === 'dead' && outcome.error.message.length > 4_096 ? NEVER : outcome;
      },
    }),
  ),

  broken(
    'removes a dead letter that was looked at 20 times',
    'to look at dead letters 30 times changes nothing',
    () => {
      let looks = 0;
      return {
        publish: (message, send) => {
          looks = 0;
          return send(message);
        },
        page: (letters) => (++looks > 20 ? letters.slice(1) : letters),
      };
    },
  ),

  broken('begins each page at the first letter', 'dead letters come in pages, each letter once', () => ({
    rest: withStore(({ page }) => ({ page: (query) => page({ ...query, after: undefined }) })),
  })),

  broken('shows the latest dead letter first', 'the oldest dead letter comes first', () => ({
    page: (letters) => [...letters].reverse(),
  })),

  broken('shows the dead letters of all consumers', 'the dead letters of one consumer can be asked for', () => ({
    rest: withStore(({ page }) => ({ page: (query) => page({ ...query, consumer: undefined }) })),
  })),

  broken('shows the dead letters of all services', 'a service sees its own dead letters only', () => {
    const stores = new Map<string, Store>();
    return {
      rest: ({ deadLetters }, { context }) => {
        if (!deadLetters) return {};
        stores.set(context.service, deadLetters);
        const page: Store['page'] = async (query) => {
          const all = await Promise.all([...stores.values()].map((store) => store.page(query)));
          return { letters: all.flatMap(({ letters }) => letters), next: all[0]?.next };
        };
        return { deadLetters: { ...deadLetters, page } };
      },
    };
  }),

  broken('redrives with the old attempt', 'a redriven event comes again as a first attempt', () => {
    const attempts = new Map<string, number>();
    return {
      deliver: ({ delivery, run }) =>
        run({ ...delivery, attempt: attempts.get(textOf(delivery.body)) ?? delivery.attempt }),
      rest: withStore(({ page, redrive }) => ({
        redrive: async (refs) => {
          const { letters } = await page(ALL);
          for (const { ref, body, attempt } of letters) if (refs.includes(ref)) attempts.set(textOf(body), attempt);
          return redrive(refs);
        },
      })),
    };
  }),

  broken('redrives to all consumers', 'a redriven event comes to the consumer of its letter alone', () => ({
    rest: withStore(({ page, discard }, { publish }) => ({
      redrive: async (refs) => {
        const { letters } = await page(ALL);
        for (const { body } of letters.filter(({ ref }) => refs.includes(ref))) {
          const { id, type, source } = parsed(body);
          const message = { id: String(id), name: String(type), source: String(source), key: undefined, headers: {} };
          const { signal } = new AbortController();
          await publish({ ...message, body: textOf(body) }, { signal, session: undefined });
        }
        return discard(refs);
      },
    })),
  })),

  broken('keeps letters that were redriven', 'a redriven event is no dead letter any more', () => {
    const kept: StoredDeadLetter[] = [];
    return {
      rest: withStore(({ page, redrive }) => ({
        page: async (query) => {
          const { letters, next } = await page(query);
          return { letters: [...letters, ...kept], next };
        },
        redrive: async (refs) => {
          const { letters } = await page(ALL);
          kept.push(...letters.filter(({ ref }) => refs.includes(ref)));
          return redrive(refs);
        },
      })),
    };
  }),

  broken('discards all letters', 'discard removes the letters that it is given, and no other', () => ({
    rest: withStore(({ page, discard }) => ({
      discard: async (refs) => {
        const all = (await page(ALL)).letters.map(({ ref }) => ref);
        await discard(all);
        return refs.filter((ref) => all.includes(ref)).length;
      },
    })),
  })),

  broken('counts what it was asked for', 'letters that are gone are neither redriven nor discarded', () => ({
    rest: withStore(({ redrive, discard }) => ({
      redrive: async (refs) => {
        await redrive(refs);
        return refs.length;
      },
      discard: async (refs) => {
        await discard(refs);
        return refs.length;
      },
    })),
  })),
];

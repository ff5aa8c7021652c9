import type { Connection } from '../transport/index.ts';

/** How many events wait for each consumer of the service, as far as the broker tells it. */
export const waitingOf = async ({ operator }: Connection): Promise<Readonly<Record<string, number>>> => {
  const consumers = (await operator?.consumers()) ?? [];
  return Object.fromEntries(
    consumers.flatMap(({ consumer, waiting }) => (waiting === undefined ? [] : [[consumer, waiting] as const])),
  );
};

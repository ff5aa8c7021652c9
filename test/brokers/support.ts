import { ensureService } from '../../scripts/services/main.ts';

type Kind = 'rabbitmq' | 'kafka';

/** The brokers that can be had here. One that cannot is named aloud, and is a failure when `CI` is set. */
export const available = async (kinds: readonly Kind[]): Promise<Kind[]> => {
  const found: Kind[] = [];
  for (const kind of kinds) {
    try {
      await ensureService(kind);
      found.push(kind);
    } catch (error) {
      if (process.env.CI) throw error;
      console.error(`${kind.toUpperCase()} CANNOT BE HAD, ITS TESTS ARE LEFT OUT: ${error}`);
    }
  }
  return found;
};

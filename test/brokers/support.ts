import { ensureService } from '../../scripts/services/main.ts';
import { tryToInstall } from '../../scripts/try-to-install.ts';

export type Kind = 'rabbitmq' | 'kafka' | 'postgres';

/** The brokers that can be installed here. One that cannot is named, and is a failure when `CI` is set. */
export const available = async (kinds: readonly Kind[]): Promise<Kind[]> => {
  const found: Kind[] = [];
  for (const kind of kinds) {
    if (await tryToInstall(kind, () => ensureService(kind))) found.push(kind);
  }
  return found;
};

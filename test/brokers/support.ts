import type { Deliver, Receiving } from 'mapbus/transport';
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

/** Runs a consumer and stops it. The function that it gives says whether the handler was collected since. */
export const stopOne = async (start: (deliver: Deliver) => Promise<Receiving>): Promise<() => boolean> => {
  const once = async () => {
    const deliver: Deliver = async () => ({ is: 'done' });
    const receiving = await start(deliver);
    await receiving.stop();
    return new WeakRef(deliver);
  };
  const ref = await once();
  return () => {
    globalThis.gc?.();
    return ref.deref() === undefined;
  };
};

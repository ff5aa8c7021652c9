import { ensureService } from '../../../scripts/services/main.ts';
import { tryToInstall } from '../../../scripts/try-to-install.ts';

/** Where a server is. Missing where none can be installed, which is named, and is a failure when `CI` is set. */
export const findServer = async (): Promise<string | undefined> => {
  let url: string | undefined;
  await tryToInstall('postgres', async () => {
    url = (await ensureService('postgres')).url;
  });
  return url;
};

import { fileURLToPath } from 'node:url';
import { npmCi } from '../../scripts/npm-ci.ts';

/** Before the tests run in the oldest React that `mapbus/react` accepts. */
export const setup = (): Promise<void> => npmCi(fileURLToPath(new URL('../../scripts/consumers', import.meta.url)));

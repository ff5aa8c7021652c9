import { it } from 'vitest';
import { expectUnreachable } from '../refused.ts';

it('ready tells why Kafka cannot be reached', async () => {
  await expectUnreachable('kafka://guest:secret@127.0.0.1:9', /./);
}, 30_000);

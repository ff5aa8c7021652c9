import { inspect } from 'node:util';
import { createEventBus } from 'mapbus';
import { expect, it } from 'vitest';

it('console.log shows the fields of a context and of a result, and nothing else', async () => {
  const { subscribe, publish } = createEventBus<{ ping: number }, { secret: string }>();
  let shown = '';
  subscribe('ping', (_, context) => {
    shown = inspect(context);
  });

  const result = await publish('ping', 1, { id: 'an-id', occurredAt: new Date(0), session: { secret: 'password' } });

  expect(shown).toBe("{\n  name: 'ping',\n  id: 'an-id',\n  occurredAt: 1970-01-01T00:00:00.000Z,\n  metadata: {}\n}");
  expect(inspect(result, { breakLength: Number.POSITIVE_INFINITY })).toBe(
    "{ name: 'ping', id: 'an-id', occurredAt: 1970-01-01T00:00:00.000Z, metadata: {}, handlerCount: 1, failures: [] }",
  );
});

import type * as Link from 'mapbus/link';
import { expect, it, vi } from 'vitest';
import { createRecordingBus, createTextPort, message } from '../support.ts';

it('two copies of the package know the same events of a bus', async () => {
  const load = async (): Promise<typeof Link> => {
    vi.resetModules();
    return import('mapbus/link');
  };
  const [one, two] = [await load(), await load()];
  const { bus, values } = createRecordingBus();
  const [first, second] = [createTextPort(), createTextPort()];
  // Neither sends: what one sent, it would know without the other.
  one.link(bus, first.port, { receive: ['ping'] });
  two.link(bus, second.port, { receive: ['ping'] });

  const given = message();
  first.say(given);
  second.say(given);

  expect(one.link).not.toBe(two.link);
  expect(values).toEqual([1]);
});

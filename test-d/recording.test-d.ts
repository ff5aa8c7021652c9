import { createEventBus } from 'mapbus';
import { recordEvents } from 'mapbus/testing';
import { expectType } from 'tsd';

interface AppEvents {
  'user.registered': { email: string };
  cleared: void;
}

// A recording is typed by the map.
const { published } = recordEvents(createEventBus<AppEvents>());
expectType<readonly { email: string }[]>(published('user.registered'));
// @ts-expect-error: no such event
published('user.deleted');

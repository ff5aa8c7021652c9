import type { SlackEvent } from '@slack/types';
export type Events = { [Event in SlackEvent as Event['type']]: Event };

import type { EventPayloadMap } from '@octokit/webhooks-types';
export type Events = Pick<EventPayloadMap, keyof EventPayloadMap>;

import type { ProcessEventMap } from 'node:process';
export type Events = { [Name in keyof ProcessEventMap]: ProcessEventMap[Name] };

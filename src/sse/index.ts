/**
 * Events to browsers: `import { eventStream } from 'mapbus/sse'`.
 * @module
 */
export { eventStream } from './event-stream.ts';
export type * from './types.ts';

/**
 * A bus with durable consumers: `import { createServiceBus, memory } from 'mapbus/service'`.
 * @module
 */
export { createServiceBus } from './create-service-bus.ts';
export { type MemoryOptions, memory } from './memory.ts';
export { nonRetryable } from './non-retryable.ts';
export type { NotJson, Received, ReceivedEvents } from './received.ts';
export type * from './types.ts';

/**
 * A bus with durable consumers: `import { createServiceBus, memory } from 'mapbus/service'`.
 * @module
 */
export { counts } from './counts.ts';
export type * from './counts-types.ts';
export { createServiceBus } from './create-service-bus.ts';
export { type MemoryOptions, memory } from './memory.ts';
export { type Metric, metricsOf, type Sample } from './metrics.ts';
export { nonRetryable } from './non-retryable.ts';
export type { NotJson, Received, ReceivedEvents } from './received.ts';
export type * from './types.ts';

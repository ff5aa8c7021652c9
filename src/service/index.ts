/**
 * What a transport is made of: `import { defineTransport } from 'mapbus/transport'`.
 * @module
 */
export type { BusTransport } from '../bus/types.ts';
export { within } from '../shared/time-limit.ts';
export { type DeadLetter, type DeadLetters, deadLetters } from './dead-letters.ts';
export { defineTransport } from './define.ts';
export { BROKER_OPTIONS, type BrokerOptions, type DeliveryOptions, readOptions, type Settings } from './options.ts';
export type { Delivery, Message, Transport, TransportFeatures, VisitDeadLetter } from './port.ts';
export { createFatal, resendUntil } from './resend.ts';

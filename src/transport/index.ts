/**
 * What a transport is made of: `import { defineTransport } from 'mapbus/transport'`.
 * @module
 */
export type { BusTransport } from '../base/parts.ts';
export type { Delivery, Message, Transport, TransportFeatures, VisitDeadLetter } from '../base/port.ts';
export { within } from '../base/within.ts';
export { type DeadLetter, type DeadLetters, deadLetters } from './dead-letters.ts';
export { defineTransport } from './define.ts';
export { BROKER_OPTIONS, type BrokerOptions, type DeliveryOptions, readOptions, type Settings } from './options.ts';
export { createFatal, resendUntil } from './resend.ts';

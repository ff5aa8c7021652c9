/**
 * What a transport is made of: `import { defineTransport } from 'mapbus/transport'`.
 * @module
 */
export type {
  BusTransport,
  Delivery,
  Message,
  Transport,
  TransportFeatures,
  VisitDeadLetter,
} from '../core/transport.ts';
export { within } from '../core/within.ts';
export { type DeadLetter, type DeadLetters, deadLetters } from './dead-letters.ts';
export { defineTransport } from './define.ts';
export { BROKER_OPTIONS, type BrokerOptions, type DeliveryOptions, readOptions, type Settings } from './options.ts';
export { createFatal, resendUntil } from './resend.ts';

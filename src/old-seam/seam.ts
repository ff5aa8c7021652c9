// The seam of today's RabbitMQ and Kafka transports. It goes when they have moved to the port of src/transport.
export { within } from '../shared/time-limit.ts';
export { type DeadLetter, deadLetters } from './dead-letters.ts';
export { defineTransport } from './define.ts';
export { BROKER_OPTIONS, type BrokerOptions, type DeliveryOptions, readOptions } from './options.ts';
export type { Delivery, Message } from './port.ts';
export { createFatal, resendUntil } from './resend.ts';

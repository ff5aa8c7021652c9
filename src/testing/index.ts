/**
 * For tests of users and of transports: `import { recordEvents } from 'mapbus/testing'`.
 * @module
 */
export type { ContractClause, ContractSetup, ContractTransaction } from './contract/setup.ts';
export { clausesFor, transportContract } from './contract/transport-contract.ts';
export {
  type IdempotencyEvent,
  type IdempotencyOptions,
  type IdempotencyProof,
  proveIdempotent,
} from './prove-idempotent.ts';
export {
  type RecordedAttempt,
  type RecordedEvent,
  type RecordedFailure,
  type Recording,
  recordEvents,
  type ServiceRecording,
} from './record-events.ts';
export { type Rehearsal, type RehearsalOptions, rehearsal } from './rehearsal.ts';
export { type ConsumerRun, createConsumerContext, runConsumer } from './run-consumer.ts';
export type { Step } from './steps.ts';

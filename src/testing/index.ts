/**
 * For tests of users and of transports: `import { rehearsal } from 'mapbus/testing'`.
 * @module
 */
export { type ContractCheck, type ContractSetup, transportContract } from './contract.ts';
export { type RecordedEvent, type RecordedFailure, type Recording, recordEvents } from './record-events.ts';
export {
  createNetwork,
  type NetworkOptions,
  type RehearsalNetwork,
  type RehearsalOptions,
  rehearsal,
} from './rehearsal.ts';

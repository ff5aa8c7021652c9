import { describe } from 'vitest';
import { testFaults } from './faults.ts';

describe('over kafka', () => testFaults('kafka'));

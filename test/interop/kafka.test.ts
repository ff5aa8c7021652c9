import { describe } from 'vitest';
import { available } from '../brokers/support.ts';
import { hasPython, testPython } from './python.ts';

describe.each(hasPython ? await available(['kafka']) : [])(
  'a program in Python with the cloudevents package, over %s',
  () => testPython('kafka'),
);

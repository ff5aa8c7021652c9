import { brokenClosing } from './closing.ts';
import { brokenConcurrency } from './concurrency.ts';
import { brokenDeadLetters } from './dead-letters.ts';
import { brokenDeclaring } from './declaring.ts';
import { brokenDelivery } from './delivery.ts';
import { brokenHostile } from './hostile.ts';
import { brokenKilling } from './killing.ts';
import { brokenNames } from './names.ts';
import { brokenOperator } from './operator.ts';
import { brokenOrder } from './order.ts';
import { brokenProcesses } from './processes.ts';
import { brokenPublishing } from './publishing.ts';
import { brokenRetry } from './retry.ts';
import { brokenSessions } from './sessions.ts';
import { brokenTail } from './tail.ts';
import type { Broken } from './tools.ts';

export const brokenTransports: readonly Broken[] = [
  ...brokenDelivery,
  ...brokenPublishing,
  ...brokenProcesses,
  ...brokenNames,
  ...brokenDeclaring,
  ...brokenRetry,
  ...brokenOrder,
  ...brokenConcurrency,
  ...brokenDeadLetters,
  ...brokenTail,
  ...brokenOperator,
  ...brokenHostile,
  ...brokenSessions,
  ...brokenKilling,
  ...brokenClosing,
];

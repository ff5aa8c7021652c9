import { type Opened, open } from './envelope.ts';
import * as header from './headers.ts';
import type { Delivery, Message, Transport } from './port.ts';

/** An event that was given up, and why. */
export interface DeadLetter {
  readonly service: string;
  /** The handler that failed; none if no handler ran. */
  readonly handlerName: string | undefined;
  readonly attempts: number;
  /** `handler_failed`, `no_handler`, `undecodable`, `not_cloudevent`, `too_large`, or the broker's own. */
  readonly reason: string;
  readonly firstFailedAt: Date | undefined;
  readonly lastFailedAt: Date | undefined;
  readonly errorName: string;
  readonly errorMessage: string;
  /** What arrived, byte for byte. */
  readonly body: Uint8Array;
  /** The event, if the body can be read. */
  readonly event: Extract<Opened, { payload: unknown }> | undefined;
}

/** What an operator does with the dead letters of a service. */
export interface DeadLetters {
  readonly list: () => Promise<DeadLetter[]>;
  /** Gives the chosen ones to the handler that failed, and to no other; resolves with their number. @default all */
  readonly redrive: (choose?: (letter: DeadLetter) => boolean) => Promise<number>;
  /** Forgets the chosen ones; resolves with their number. */
  readonly discard: (choose: (letter: DeadLetter) => boolean) => Promise<number>;
}

interface Known {
  readonly transport: Transport;
  readonly send: (message: Message) => Promise<void>;
}

/** On the bus itself, so that a copy of the bus has it too; shared by every copy of the package. */
const ACCESS: unique symbol = Symbol.for('mapbus.deadLetters') as never;

/** What `deadLetters` needs of a bus, as a property of it. */
export const deadLettersAccess = (transport: Transport, send: Known['send']): object => ({
  [ACCESS]: { transport, send } satisfies Known,
});

const accessOf = (bus: object): Partial<Known> => (bus as { readonly [ACCESS]?: Known })[ACCESS] ?? {};

const toDate = (value: string | undefined) => (value === undefined ? undefined : new Date(value));

const read = ({ body, headers }: Delivery): DeadLetter => {
  const opened = open(body);
  return {
    service: headers[header.SERVICE] ?? '',
    handlerName: headers[header.HANDLER],
    attempts: Number(headers[header.ATTEMPT] ?? 1),
    reason: headers[header.REASON] ?? 'unknown',
    firstFailedAt: toDate(headers[header.FIRST_FAILED_AT]),
    lastFailedAt: toDate(headers[header.LAST_FAILED_AT]),
    errorName: headers[header.ERROR_NAME] ?? '',
    errorMessage: headers[header.ERROR_MESSAGE] ?? '',
    body,
    event: 'reason' in opened ? undefined : opened,
  };
};

/** Back to the service, as a first attempt for the handler that failed. */
const revive = ({ handlerName, body, event }: DeadLetter): Message => ({
  kind: 'retry',
  name: event?.name ?? '',
  id: event?.id ?? '',
  body,
  headers: { [header.ATTEMPT]: '1', ...(handlerName !== undefined && { [header.HANDLER]: handlerName }) },
  delayMs: 1,
});

/**
 * The dead letters of a bus's service.
 * @throws TypeError for a bus without a transport that keeps them
 * @example
 * const { list, redrive } = deadLetters(bus);
 * console.table(await list());
 * await redrive(({ event }) => event?.name === 'order.placed');
 */
export const deadLetters = (bus: object): DeadLetters => {
  const { transport, send } = accessOf(bus);
  const visit = transport?.visitDeadLetters;
  if (!visit || !send) throw new TypeError('[mapbus] bus: expected one whose transport keeps dead letters');

  const removeEach = async (choose: (letter: DeadLetter) => boolean, before: (letter: DeadLetter) => Promise<void>) => {
    let count = 0;
    await visit(async (delivery) => {
      const letter = read(delivery);
      if (!choose(letter)) return 'keep';
      await before(letter);
      count++;
      return 'remove';
    });
    return count;
  };

  const list = async () => {
    const letters: DeadLetter[] = [];
    await visit(async (delivery) => {
      letters.push(read(delivery));
      return 'keep';
    });
    return letters;
  };
  // Sent before it is removed, so that a crash between the two leaves it twice rather than not at all.
  const redrive = (choose = (_: DeadLetter) => true) => removeEach(choose, (letter) => send(revive(letter)));
  const discard = (choose: (letter: DeadLetter) => boolean) => removeEach(choose, async () => {});
  return { list, redrive, discard };
};

import { createEventBus, type EventBusOptions, type Logger } from 'mapbus';

export interface Events {
  ping: { value: number };
  pong: { value: number };
  cleared: void;
}

export interface Session {
  readonly query: (sql: string) => void;
}

interface Line {
  readonly level: keyof Logger;
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

/** A bus whose log is kept instead of printed. */
export const createLoggedBus = (options: EventBusOptions = {}) => {
  const lines: Line[] = [];
  const write = (level: keyof Logger) => (message: string, fields: Record<string, unknown>) => {
    lines.push({ level, message, fields });
  };
  const logger: Logger = { debug: write('debug'), warn: write('warn'), error: write('error') };
  const bus = createEventBus<Events, Session>({ logger, ...options });
  return { ...bus, bus, lines, logged: (message: string) => lines.filter((line) => line.message === message) };
};

/** A promise and what settles it, to hold a handler exactly as long as a test wants. */
export const createGate = <Value = void>() => {
  let open: (value: Value) => void = () => {};
  let fail: (error: unknown) => void = () => {};
  const promise = new Promise<Value>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { promise, open, fail };
};

export const uuidv7Pattern = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** A proxy that throws at every touch. */
export const createHostile = (): object => {
  const touch = () => {
    throw new Error('touched');
  };
  return new Proxy(
    {},
    { get: touch, has: touch, getPrototypeOf: touch, ownKeys: touch, getOwnPropertyDescriptor: touch },
  );
};

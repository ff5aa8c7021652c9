// A TCP proxy that does to a connection what networks do.
import { createConnection, createServer, type Socket } from 'node:net';

export interface FaultProxy {
  readonly port: number;
  /** Resets every connection; new ones are taken. */
  readonly cut: () => void;
  /**
   * Holds the bytes of both directions back while the connections stay open, as a lost route does. New connections are held
   * too, unless `newOnesToo` is false: then only those of now are half-open.
   */
  readonly stall: (isStalled: boolean, options?: { readonly newOnesToo?: boolean }) => void;
  readonly close: () => Promise<void>;
}

/** @param port where it listens; 0 for any */
export const createFaultProxy = async (targetPort: number, port = 0): Promise<FaultProxy> => {
  const pairs = new Set<readonly [Socket, Socket]>();
  let areNewStalled = false;

  const server = createServer({ noDelay: true }, (client) => {
    const broker = createConnection({ host: '127.0.0.1', port: targetPort, noDelay: true });
    const pair = [client, broker] as const;
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      for (const socket of pair) socket.destroy();
    };
    for (const [from, to] of [pair, [broker, client] as const]) {
      from.pipe(to);
      from.on('error', end);
      from.on('close', end);
      if (areNewStalled) from.unpipe(to).pause();
    }
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));

  const cut = () => {
    for (const pair of [...pairs]) {
      pairs.delete(pair);
      for (const socket of pair) socket.resetAndDestroy();
    }
  };
  const stall: FaultProxy['stall'] = (isStalled, { newOnesToo = true } = {}) => {
    areNewStalled = isStalled && newOnesToo;
    for (const [client, broker] of pairs) {
      for (const [from, to] of [[client, broker] as const, [broker, client] as const]) {
        if (isStalled) from.unpipe(to).pause();
        else from.pipe(to);
      }
    }
  };
  const close = async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    cut();
    await closed;
  };
  const address = server.address();
  return { port: typeof address === 'object' && address ? address.port : port, cut, stall, close };
};

import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { type KafkaOptions, kafka } from 'mapbus/kafka';
import type { Transport } from 'mapbus/transport';

/** A transport that stands for a process, and what can be done to its sockets. */
export interface Process {
  readonly transport: Transport;
  /** Holds all bytes back in both directions, without closing anything: as SIGSTOP does, or a firewall. */
  readonly freeze: () => void;
  readonly thaw: () => void;
}

interface Held {
  readonly letGo: () => void;
}

const hold = (socket: Socket): Held => {
  const write = socket.write;
  const writes: Parameters<Socket['write']>[] = [];
  socket.pause();
  socket.write = ((...args: Parameters<Socket['write']>) => {
    writes.push(args);
    return true;
  }) as Socket['write'];
  const letGo = () => {
    socket.write = write;
    for (const args of writes) socket.write(...args);
    socket.resume();
  };
  return { letGo };
};

const sockets = new Map<unknown, (socket: Socket) => void>();

// The client tells of each of its connections, with the context that it was given.
subscribe('tracing:plt:kafka:connections:connects:end', (message) => {
  const { connection } = message as { connection: { context: unknown; socket: Socket | undefined } };
  if (connection.socket) sockets.get(connection.context)?.(connection.socket);
});

/** Each call stands for a process of its own. */
export const startProcess = (options: KafkaOptions): Process => {
  const context = {};
  const open = new Set<Socket>();
  const held = new Map<Socket, Held>();
  let isFrozen = false;
  sockets.set(context, (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    if (isFrozen) held.set(socket, hold(socket));
  });
  const freeze = () => {
    isFrozen = true;
    for (const socket of open) if (!held.has(socket)) held.set(socket, hold(socket));
  };
  const thaw = () => {
    isFrozen = false;
    for (const { letGo } of held.values()) letGo();
    held.clear();
  };
  const transport = kafka({ ...options, connection: { ...options.connection, context } });
  return { transport, freeze, thaw };
};

import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { fromPg } from 'mapbus/postgres';
import { Pool } from 'pg';
import { expect, it, onTestFinished } from 'vitest';
import { createGate } from '../support.ts';

/** A message of Postgres: its type, its length and its content. */
const messageOf = (type: string, content: Buffer): Buffer => {
  const length = Buffer.alloc(4);
  length.writeInt32BE(content.length + 4);
  return Buffer.concat([Buffer.from(type), length, content]);
};

const READY = messageOf('Z', Buffer.from('I'));
const LET_IN = Buffer.concat([messageOf('R', Buffer.alloc(4)), READY]);

/** A server that does something with each client once it asks to be let in. */
const startServer = async (asked: (socket: Socket) => void): Promise<number> => {
  const server = createServer((socket) => {
    socket.once('data', () => asked(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
};

/** It ends just when it has let a client in: the client gets all of it at once. */
const startEnding = () => {
  const ending = messageOf('E', Buffer.from('SFATAL\0C57P01\0Mterminating connection\0\0'));
  return startServer((socket) => socket.end(Buffer.concat([LET_IN, ending])));
};

it('a server that ends just when it has let a client in does not end the process', async () => {
  const pool = new Pool({ host: '127.0.0.1', port: await startEnding(), user: 'shop', database: 'shop', max: 1 });
  const database = fromPg(pool);

  await expect(database.query('SELECT 1', [])).rejects.toThrow();
  await expect(database.transaction(async () => {})).rejects.toThrow();

  await pool.end();
});

it('a listener that is stopped while it connects again ends that connection', async () => {
  const again = createGate<Socket>();
  let isFirst = true;
  const port = await startServer((socket) => {
    if (!isFirst) {
      again.open(socket);
      return;
    }
    isFirst = false;
    socket.write(LET_IN);
    // It answers to LISTEN, and ends.
    socket.once('data', () => socket.end(Buffer.concat([messageOf('C', Buffer.from('LISTEN\0')), READY])));
  });
  const pool = new Pool({ host: '127.0.0.1', port, user: 'shop', database: 'shop' });
  const stop = await fromPg(pool).listen?.('channel', () => {});
  const socket = await again.promise;

  await stop?.();
  socket.write(LET_IN);
  const [next] = await once(socket, 'data');

  // Terminate (https://www.postgresql.org/docs/current/protocol-message-formats.html).
  expect(String(next).charAt(0)).toBe('X');
  await pool.end();
});

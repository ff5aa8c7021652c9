import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { fromPg } from 'mapbus/postgres';
import { Pool } from 'pg';
import { expect, it, onTestFinished } from 'vitest';

/** A message of Postgres: its type, its length and its content. */
const messageOf = (type: string, content: Buffer): Buffer => {
  const length = Buffer.alloc(4);
  length.writeInt32BE(content.length + 4);
  return Buffer.concat([Buffer.from(type), length, content]);
};

/** A server that ends just when it has let a client in: the client gets all of it at once. */
const startEnding = async (): Promise<number> => {
  const authenticated = messageOf('R', Buffer.alloc(4));
  const ready = messageOf('Z', Buffer.from('I'));
  const ending = messageOf('E', Buffer.from('SFATAL\0C57P01\0Mterminating connection\0\0'));
  const server = createServer((socket) => {
    socket.once('data', () => socket.end(Buffer.concat([authenticated, ready, ending])));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
};

it('a server that ends just when it has let a client in does not end the process', async () => {
  const pool = new Pool({ host: '127.0.0.1', port: await startEnding(), user: 'shop', database: 'shop', max: 1 });
  const database = fromPg(pool);

  await expect(database.query('SELECT 1', [])).rejects.toThrow();
  await expect(database.transaction(async () => {})).rejects.toThrow();

  await pool.end();
});

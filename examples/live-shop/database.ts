import { PGlite, type Transaction } from '@electric-sql/pglite';
import { fromPglite } from 'mapbus/postgres';
import type { Order, Status } from './events.ts';

const ORDER = `id, user_id AS "userId", items, total, status`;

/** The database of the shop: a Postgres in this process, with its files in a folder. */
export const openDatabase = async (folder: string) => {
  const client = await PGlite.create(folder);
  await client.exec(`CREATE TABLE IF NOT EXISTS orders (
    number serial PRIMARY KEY, id text UNIQUE, user_id text, items jsonb, total int, status text)`);

  const insert = (session: Transaction, { id, userId, items, total, status }: Order) =>
    session.query('INSERT INTO orders (id, user_id, items, total, status) VALUES ($1, $2, $3, $4, $5)', [
      id,
      userId,
      JSON.stringify(items),
      total,
      status,
    ]);
  /** Gives an order its next status. It is `undefined` if the order has another one already. */
  const move = async (session: Transaction, id: string, from: Status, to: Status): Promise<Order | undefined> => {
    const text = `UPDATE orders SET status = $3 WHERE id = $1 AND status = $2 RETURNING ${ORDER}`;
    const { rows } = await session.query<Order>(text, [id, from, to]);
    return rows[0];
  };
  const ordersOf = async (userId: string): Promise<Order[]> => {
    const text = `SELECT ${ORDER} FROM orders WHERE user_id = $1 ORDER BY number`;
    return (await client.query<Order>(text, [userId])).rows;
  };
  return { ...fromPglite(client), insert, move, ordersOf, close: () => client.close() };
};

export type ShopDatabase = Awaited<ReturnType<typeof openDatabase>>;

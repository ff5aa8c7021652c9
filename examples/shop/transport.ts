import { fromPg } from 'mapbus/postgres';
import { transportFromUrl } from 'mapbus/url';
import pg from 'pg';

const { EVENT_BUS_URL = 'memory:', DATABASE_URL } = process.env;

/**
 * The transport of the variable EVENT_BUS_URL. With a DATABASE_URL, events are stored in that database first, and a relay
 * gives them to the transport.
 */
export const openTransport = async () => {
  if (DATABASE_URL === undefined)
    return { transport: await transportFromUrl(EVENT_BUS_URL), disconnect: async () => {} };
  const pool = new pg.Pool({ connectionString: DATABASE_URL });
  const transport = await transportFromUrl(EVENT_BUS_URL, { database: fromPg(pool) });
  return { transport, disconnect: () => pool.end() };
};

import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Item, products } from './events.ts';

/** The user of a request: whoever has this cookie. A browser without one gets one. */
export const userOf = (request: IncomingMessage, response: ServerResponse): string => {
  const [, known] = /(?:^|; )user=([\w-]{36})(?:;|$)/.exec(request.headers.cookie ?? '') ?? [];
  const userId = known ?? randomUUID();
  if (!known) response.setHeader('set-cookie', `user=${userId}; HttpOnly; SameSite=Strict; Path=/`);
  return userId;
};

const readJson = async (request: IncomingMessage): Promise<unknown> => {
  let text = '';
  for await (const chunk of request) {
    text += chunk;
    if (text.length > 10_000) throw new Error('The body is too large');
  }
  return JSON.parse(text);
};

/** @throws for what is no list of items of the shop */
export const readItems = async (request: IncomingMessage): Promise<Item[]> => {
  const given = await readJson(request);
  if (!Array.isArray(given) || given.length === 0) throw new Error('The cart is empty');
  return given.map(({ product, count }: Item) => {
    const isKnown = products.some(({ id }) => id === product);
    if (!isKnown || !Number.isInteger(count) || count < 1 || count > 99) throw new Error('No such item');
    return { product, count };
  });
};

export const send = (response: ServerResponse, status: number, type: string, body: string): void => {
  response.writeHead(status, { 'content-type': `${type}; charset=utf-8`, 'cache-control': 'no-store' });
  response.end(body);
};

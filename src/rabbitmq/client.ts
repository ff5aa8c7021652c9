import { Connection, type ConnectionOptions } from 'rabbitmq-client';
import type { Delivery } from '../old-seam/port.ts';
import { createFatal } from '../old-seam/seam.ts';

export const after = (delayMs: number): Promise<void> =>
  new Promise<void>((resolve) => setTimeout(resolve, delayMs).unref());

export const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');

/** What no waiting mends: another password, vhost or queue argument has to come first. */
export const isRefusal = (error: unknown): boolean =>
  ['ACCESS_REFUSED', 'PRECONDITION_FAILED', 'NOT_ALLOWED'].includes(codeOf(error));

export const fatal = (error: unknown): Error =>
  createFatal(`RabbitMQ refuses: ${error instanceof Error ? error.message : String(error)}`);

const toBytes = (body: unknown): Uint8Array => {
  if (body instanceof Uint8Array) return body;
  // The client has parsed what came with another content type than ours.
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
};

export const toDelivery = (message: { body: unknown; headers?: Record<string, unknown> | undefined }): Delivery => {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(message.headers ?? {})) {
    if (typeof value === 'string') headers[name] = value;
  }
  return { body: toBytes(message.body), headers };
};

/** A connection that comes back by itself after a cut; one that does not answer has to be thrown away. */
export const openConnection = (options: ConnectionOptions, report: (error: unknown) => void): Connection => {
  const connection = new Connection(options);
  connection.on('error', report);
  return connection;
};

import { createServiceBus } from 'mapbus/service';
import { transportFromUrl } from 'mapbus/url';
import { expect } from 'vitest';

/** Starts a bus with a consumer, and gives why it is not ready and what the log says. */
export const whyNotReady = async (url: string) => {
  const lines: string[] = [];
  const keep = (message: string, fields: object) =>
    void lines.push(JSON.stringify([message, String(Object.values(fields))]));
  const bus = createServiceBus<{ ping: number }>({
    service: 'billing',
    transport: await transportFromUrl(url),
    sends: 'all',
    readyTimeoutMs: 8_000,
    logger: { debug: keep, warn: keep, error: keep },
  });
  bus.consume('ping', 'keep', () => {});
  const error: unknown = await bus.ready().catch((reason: unknown) => reason);
  await bus.close();
  const cause: unknown = error instanceof Error ? error.cause : undefined;
  return { error, cause, text: `${error} ${cause} ${lines.join()}` };
};

/** Expects `ready` to tell why a broker is out of reach, and to keep the password `secret` to itself. */
export const expectUnreachable = async (url: string, reason: RegExp): Promise<void> => {
  const { error, cause, text } = await whyNotReady(url);

  expect(error).toMatchObject({ code: 'transport_unavailable' });
  expect(cause).toBeInstanceOf(Error);
  expect(String(cause)).toMatch(reason);
  expect(text).not.toContain('secret');
};

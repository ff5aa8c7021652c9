import { createServiceBus } from 'mapbus/service';
import { transportFromUrl } from 'mapbus/url';
import { expect, it } from 'vitest';
import { ensureService } from '../../scripts/services/main.ts';

/** Starts a bus with a consumer, and gives why it is not ready and what the log says. */
const whyNotReady = async (url: string) => {
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

it('ready tells that RabbitMQ refuses the password, and never the password', async () => {
  const { url } = await ensureService('rabbitmq');

  const { error, cause, text } = await whyNotReady(url.replace('guest:guest', 'guest:wrong-secret'));

  expect(error).toMatchObject({ code: 'transport_unavailable' });
  expect(String(cause)).toMatch(/RabbitMQ cannot be reached: .*ACCESS_REFUSED/);
  expect(text).not.toContain('wrong-secret');
}, 30_000);

it.each([
  ['amqp://guest:secret@127.0.0.1:9', /RabbitMQ cannot be reached: .*ECONNREFUSED/],
  ['kafka://guest:secret@127.0.0.1:9', /./],
])(
  'ready tells why nothing can be reached at %s',
  async (url, reason) => {
    const { error, cause, text } = await whyNotReady(url);

    expect(error).toMatchObject({ code: 'transport_unavailable' });
    expect(cause).toBeInstanceOf(Error);
    expect(String(cause)).toMatch(reason);
    expect(text).not.toContain('secret');
  },
  30_000,
);

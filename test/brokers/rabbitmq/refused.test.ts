import { expect, it } from 'vitest';
import { ensureService } from '../../../scripts/services/main.ts';
import { expectUnreachable, whyNotReady } from '../refused.ts';

it('ready tells that RabbitMQ refuses the password, and never the password', async () => {
  const { url } = await ensureService('rabbitmq');

  const { error, cause, text } = await whyNotReady(url.replace('guest:guest', 'guest:wrong-secret'));

  expect(error).toMatchObject({ code: 'transport_unavailable' });
  expect(String(cause)).toMatch(/RabbitMQ cannot be reached: .*ACCESS_REFUSED/);
  expect(text).not.toContain('wrong-secret');
}, 30_000);

it('ready tells why RabbitMQ cannot be reached', async () => {
  await expectUnreachable('amqp://guest:secret@127.0.0.1:9', /RabbitMQ cannot be reached: .*ECONNREFUSED/);
}, 30_000);

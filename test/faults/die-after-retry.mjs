// Kills the process at the one moment that no signal from outside can hit: the broker has the retry of a failed handler,
// and not yet the acknowledgement of its event.
import { Producer } from '@platformatic/kafka';
import { Connection } from 'rabbitmq-client';

const die = () => process.kill(process.pid, 'SIGKILL');

export const dieAfterRetry = () => {
  const { acquire } = Connection.prototype;
  Connection.prototype.acquire = async function (...args) {
    const channel = await acquire.apply(this, args);
    const { basicPublish } = channel;
    channel.basicPublish = async (envelope, body) => {
      await basicPublish.call(channel, envelope, body);
      if (envelope.routingKey.includes('.retry.')) die();
    };
    return channel;
  };

  const { send } = Producer.prototype;
  Producer.prototype.send = async function (options) {
    const result = await send.call(this, options);
    if (options.messages.some(({ topic }) => topic.includes('.retry.'))) die();
    return result;
  };
};

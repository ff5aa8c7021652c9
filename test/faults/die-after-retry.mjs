// Kills the process at the one moment that no signal from outside can hit: the broker has the retry of a failed handler,
// and not yet the acknowledgement of its event.
import { Producer } from '@platformatic/kafka';
import { Connection } from 'rabbitmq-client';

const die = () => process.kill(process.pid, 'SIGKILL');

export const dieAfterRetry = () => {
  const { createPublisher } = Connection.prototype;
  Connection.prototype.createPublisher = function (...args) {
    const publisher = createPublisher.apply(this, args);
    const { send } = publisher;
    publisher.send = async (envelope, body) => {
      await send.call(publisher, envelope, body);
      if (envelope.routingKey.includes('.retry.')) die();
    };
    return publisher;
  };

  const { send } = Producer.prototype;
  Producer.prototype.send = async function (options) {
    const result = await send.call(this, options);
    if (options.messages.some(({ topic }) => topic.includes('.retry.'))) die();
    return result;
  };
};

import type { ConsumerSpec } from '../transport/index.ts';

const MAX_LENGTH = 249;
const LEGAL = /^[a-zA-Z0-9._-]*$/;

// Kafka takes a.b and a_b for one name and refuses the second: no name has an underscore here.
const encode = (name: string): string => name.replace(/[-_]/g, (character) => (character === '-' ? '--' : '-u'));

const decode = (name: string): string => name.replace(/--|-u/g, (written) => (written === '--' ? '-' : '_'));

/** What everything of a service is called at the broker. No two things can have one name, whatever events are called. */
export const createNames = (service: string, namespace: string) => {
  const prefix = namespace === '' ? 'mapbus' : `mapbus-${encode(namespace)}`;
  const ofService = encode(service);

  const eventTopic = (event: string): string => `${prefix}.events.${encode(event)}`;
  const retryTopic = (consumer: string): string => `${prefix}.retry.${ofService}.${encode(consumer)}`;
  // Groups may have underscores. The names have no dots, so that no two groups meet.
  const group = (consumer: string): string => `mapbus${namespace && `-${namespace}`}.${service}.${consumer}`;
  const deadTopic = `${prefix}.dead.${ofService}`;
  const usageTopic = `${prefix}.used.${ofService}`;
  /** The rest of a topic that begins like this, as it was before it was encoded. */
  const restOf = (topic: string, start: string): string | undefined =>
    topic.startsWith(start) ? decode(topic.slice(start.length)) : undefined;
  const eventOf = (topic: string) => restOf(topic, eventTopic(''));
  /** The consumer of this service that a retry topic belongs to. */
  const consumerOf = (topic: string) => restOf(topic, retryTopic(''));
  const isEventTopic = (topic: string): boolean => topic.startsWith(`${prefix}.events.`);

  const refuseName = (event: string): string | undefined => {
    if (!LEGAL.test(event)) return 'Kafka takes names of letters, digits, dots, dashes and underscores';
    const { length } = eventTopic(event);
    return length > MAX_LENGTH
      ? `Kafka takes topics of up to ${MAX_LENGTH} characters, and this has ${length}`
      : undefined;
  };
  const refuseConsumer = ({ consumer, formerly = consumer }: ConsumerSpec): string | undefined => {
    const length = Math.max(...[retryTopic(consumer), retryTopic(formerly), deadTopic].map((topic) => topic.length));
    return length > MAX_LENGTH
      ? `Kafka takes topics of up to ${MAX_LENGTH} characters, and this has ${length}`
      : undefined;
  };
  return {
    eventTopic,
    retryTopic,
    group,
    deadTopic,
    usageTopic,
    eventOf,
    consumerOf,
    isEventTopic,
    refuseName,
    refuseConsumer,
  };
};

export type Names = ReturnType<typeof createNames>;

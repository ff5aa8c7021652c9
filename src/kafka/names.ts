/** What things are called at the broker. */
export interface KafkaNames {
  /** @default `mapbus.{eventName}` */
  readonly topic?: ((eventName: string) => string) | undefined;
  /** @default `mapbus.{service}` */
  readonly group?: ((service: string) => string) | undefined;
  /** Where failed events wait. @default `mapbus.{service}.retry` */
  readonly retryTopic?: ((service: string) => string) | undefined;
  /** @default `mapbus.{service}.dead` */
  readonly deadLetterTopic?: ((service: string) => string) | undefined;
}

export const readNames = (names: KafkaNames = {}) => ({
  topic: names.topic ?? ((eventName: string) => `mapbus.${eventName}`),
  group: names.group ?? ((service: string) => `mapbus.${service}`),
  retryTopic: names.retryTopic ?? ((service: string) => `mapbus.${service}.retry`),
  deadLetterTopic: names.deadLetterTopic ?? ((service: string) => `mapbus.${service}.dead`),
});

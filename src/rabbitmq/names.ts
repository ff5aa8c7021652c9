/** What things are called at the broker. */
export interface RabbitMQNames {
  /** The topic exchange that every event goes to. @default `mapbus.events` */
  readonly exchange?: string | undefined;
  /** @default `mapbus.{service}` */
  readonly queue?: ((service: string) => string) | undefined;
  /** Where failed events wait so many milliseconds. @default `mapbus.{service}.retry.{delayMs}` */
  readonly retryQueue?: ((service: string, delayMs: number) => string) | undefined;
  /** @default `mapbus.{service}.dead` */
  readonly deadLetterQueue?: ((service: string) => string) | undefined;
}

export const readNames = (names: RabbitMQNames = {}) => ({
  exchange: names.exchange ?? 'mapbus.events',
  queue: names.queue ?? ((service: string) => `mapbus.${service}`),
  retryQueue: names.retryQueue ?? ((service: string, delayMs: number) => `mapbus.${service}.retry.${delayMs}`),
  deadLetterQueue: names.deadLetterQueue ?? ((service: string) => `mapbus.${service}.dead`),
});

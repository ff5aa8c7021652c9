/** What a consumer can give an event up for. */
export const DEAD_REASONS = [
  'handler_failed',
  'non_retryable',
  'not_consumed',
  'delivery_limit',
  'undecodable',
  'not_cloudevent',
  'too_large',
] as const;

import type { CloudEvent } from 'cloudevents';
export type Events = {
  'order.placed': CloudEvent<{ orderId: string; total: number }>;
  'order.cancelled': CloudEvent<{ orderId: string; reason: string }>;
  'user.registered': CloudEvent<{ userId: string }>;
};

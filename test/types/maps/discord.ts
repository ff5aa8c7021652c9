import type { GatewayDispatchPayload } from 'discord-api-types/v10';
export type Events = { [Payload in GatewayDispatchPayload as `${Payload['t']}`]: Payload['d'] };

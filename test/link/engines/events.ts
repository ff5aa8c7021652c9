export interface Events {
  ping: { value: number };
  pong: { value: number };
  cloned: { at: Date; counts: Map<string, number> };
}

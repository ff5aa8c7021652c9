/// <reference lib="dom" />
export type Events = Pick<HTMLElementEventMap, keyof HTMLElementEventMap>;

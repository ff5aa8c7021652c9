/// <reference lib="dom" />
export type Events = Pick<WindowEventMap, keyof WindowEventMap>;

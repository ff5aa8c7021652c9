/** Between half of a time and all of it, so that many processes do not return at once. */
export const jittered = (ms: number): number => ms * (0.5 + Math.random() / 2);

/** The longest delay of a timer, in milliseconds: it holds 31 bits, and one with a longer delay fires at once. */
export const MAX_DELAY_MS = 2 ** 31 - 1;

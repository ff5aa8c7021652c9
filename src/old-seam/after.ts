/** Resolves so many milliseconds from now. Holds the process: what waits for a broker may be all that it has to do. */
export const after = (delayMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, delayMs));

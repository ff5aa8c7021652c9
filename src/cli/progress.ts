import type { Io } from './io.ts';

const FIRST_MS = 1_000;
const TERMINAL_MS = 100;
const PIPE_MS = 5_000;

/** Tells on stderr how far long work is: in one line on a terminal, now and then a line elsewhere. */
export const createProgress = ({ err, errIsTerminal }: Io) => {
  let next = performance.now() + FIRST_MS;
  let isShown = false;
  const clear = (): void => {
    if (isShown) err('\r\u001b[K');
    isShown = false;
  };
  const tell = (text: () => string): void => {
    const now = performance.now();
    if (now < next) return;
    next = now + (errIsTerminal ? TERMINAL_MS : PIPE_MS);
    if (!errIsTerminal) err(`${text()}\n`);
    else {
      err(`\r\u001b[K${text()}`);
      isShown = true;
    }
  };
  return { tell, clear };
};

export type Progress = ReturnType<typeof createProgress>;

/** Settles as the work does. When the time is over, it resolves with what `late` returns or rejects with what it throws. */
export const within = async <Result>(timeoutMs: number, work: Promise<Result>, late: () => Result): Promise<Result> => {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  try {
    return await Promise.race([work, deadline.then(late)]);
  } finally {
    clearTimeout(timer);
  }
};

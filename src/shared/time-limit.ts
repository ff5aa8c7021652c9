/** Settles as the work does. When the time is over, it settles as `late` does. */
export const within = async <Result>(
  timeoutMs: number,
  work: Promise<Result>,
  late: () => Result | Promise<Result>,
): Promise<Result> => {
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

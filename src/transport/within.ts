/** Settles as the work does, or rejects with what `late` gives once the time is over. */
export const within = async <Result>(
  timeoutMs: number,
  work: Promise<Result>,
  late: () => unknown,
): Promise<Result> => {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), timeoutMs);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
};

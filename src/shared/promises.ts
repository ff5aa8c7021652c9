/**
 * Calls `done` or `failed` once a value has settled, as after `await`. A broken thenable is a failure. A `then` that was
 * added to a promise is not called. Never throws, and never calls back before it has returned.
 */
export const whenSettled = (value: unknown, done: () => void, failed: (error: unknown) => void): void => {
  try {
    Promise.prototype.then.call(Promise.resolve(value), done, failed);
  } catch (error) {
    // A promise whose constructor cannot be read.
    Promise.reject(error).catch(failed);
  }
};

/**
 * Calls `done` or `failed` once a value has settled, as after `await`: a broken thenable is a failure, and a promise is
 * not asked for a `then` of its own. Never throws, and never calls back before it has returned.
 */
export const whenSettled = (value: object, done: () => void, failed: (error: unknown) => void): void => {
  try {
    Promise.prototype.then.call(Promise.resolve(value), done, failed);
  } catch (error) {
    // A promise whose constructor cannot be read.
    Promise.reject(error).catch(failed);
  }
};

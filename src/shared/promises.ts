const toPromise = (value: object): Promise<unknown> => {
  try {
    return Promise.resolve(value);
  } catch (error) {
    // A promise whose constructor throws.
    return Promise.reject(error);
  }
};

/**
 * Calls `done` or `failed` once a value has settled, as after `await`: a broken thenable is a failure, and a promise is
 * not asked for a `then` of its own. Never throws.
 */
export const whenSettled = (value: object, done: () => void, failed: (error: unknown) => void): void => {
  Promise.prototype.then.call(toPromise(value), done, failed);
};

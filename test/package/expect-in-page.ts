/** The part of vitest's `expect` that a sample needs which runs in a page. */
export const expect = (actual: unknown) => ({
  toEqual: (expected: unknown): void => {
    const [got, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
    if (got !== wanted) throw new Error(`expected ${wanted}, got ${got}`);
  },
});

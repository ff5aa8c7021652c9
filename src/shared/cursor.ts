/**
 * Refuses a cursor that no page has given. Otherwise a typing error would look like the first page, or like an empty one.
 * @throws TypeError
 */
export const checkCursor = (after: string | undefined, form: RegExp): void => {
  if (after === undefined || form.test(after)) return;
  throw new TypeError(`[mapbus] page options.after: expected the next of another page, got ${JSON.stringify(after)}`);
};

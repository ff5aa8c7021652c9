/**
 * Installs something that a part of the tests needs. Where that fails, it is named and the other tests run without it.
 * With `CI` set, a failure is thrown.
 * @returns whether it is there
 */
export const tryToInstall = async (what: string, install: () => unknown): Promise<boolean> => {
  try {
    await install();
    return true;
  } catch (error) {
    if (process.env.CI) throw error;
    console.error(`NOT INSTALLED: ${what}. What needs it does not run. ${error}`);
    return false;
  }
};

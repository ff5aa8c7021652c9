/** Imports an entry, and says which package is missing if that is why it cannot be imported. */
export const load = async <Entry>(importEntry: () => Promise<Entry>, client: string): Promise<Entry> => {
  try {
    return await importEntry();
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') throw cause;
    throw new Error(`[mapbus] transportFromUrl: this needs the package ${client}: npm install ${client}`, { cause });
  }
};

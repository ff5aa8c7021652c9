/** What an option in the query of a URL is. */
type QueryKind = 'number' | 'text';

/** The options that a scheme knows in its query. */
export type KnownQuery = Readonly<Record<string, QueryKind>>;

/**
 * The options in the query of a URL. A number that is none becomes `NaN`: the transport refuses it, and names the option.
 * @throws TypeError for an unknown option, with a list of the known ones
 */
export const readQuery = (url: string, known: KnownQuery): Record<string, number | string> => {
  const [, text = ''] = url.split('?');
  const options: Record<string, number | string> = {};
  for (const [name, value] of new URLSearchParams(text)) {
    const kind = Object.hasOwn(known, name) ? known[name] : undefined;
    if (!kind) {
      const names = Object.keys(known).join(', ') || 'none';
      throw new TypeError(`[mapbus] transportFromUrl: unknown query key ${name}, expected ${names}`);
    }
    options[name] = kind === 'number' ? Number(value || Number.NaN) : value;
  }
  return options;
};

import { isObject } from '../shared/check.ts';
import type { NewRecord, StoredRecord } from './records.ts';
import { textOf } from './records.ts';

/** A claim ends after this time, so that letters whose operator has died can be claimed again. In milliseconds. */
export const CLAIM_MS = 60_000;
const CLAIM = 'claim ';

/** Who has claimed a letter, and when, in milliseconds since 1970. */
interface Claim {
  readonly owner: string;
  readonly at: number;
}

/** A record among the letters that says which of them one operator is about to redrive or to discard. */
export const claimOf = (topic: string, owner: string, refs: readonly string[]): NewRecord => ({
  topic,
  key: Buffer.from(CLAIM + owner),
  value: Buffer.from(JSON.stringify({ at: Date.now(), refs })),
  headers: { claim: owner },
});

/** Takes the claim away, when its letters are gone. */
export const unclaimOf = (topic: string, owner: string): NewRecord => ({ topic, key: Buffer.from(CLAIM + owner) });

const readClaim = (value: Buffer | null): { readonly at: number; readonly refs: readonly unknown[] } | undefined => {
  try {
    const parsed: unknown = JSON.parse(textOf(value));
    if (!isObject(parsed) || !('at' in parsed) || !('refs' in parsed)) return undefined;
    const { at, refs } = parsed;
    return typeof at === 'number' && Array.isArray(refs) ? { at, refs } : undefined;
  } catch {
    return undefined;
  }
};

/**
 * Who has which letter. Two operators that redrive the same letters at once would give each event twice. They agree by the
 * order of records in the one partition of the letters: of two claims to a letter, the first one counts.
 */
export const createClaims = () => {
  const claims = new Map<string, Claim>();

  /** Takes note of a record. Says whether it is about claims. */
  const note = ({ key, value }: StoredRecord): boolean => {
    const name = textOf(key);
    if (!name.startsWith(CLAIM)) return false;
    const owner = name.slice(CLAIM.length);
    if (value === null) {
      for (const [ref, claim] of claims) if (claim.owner === owner) claims.delete(ref);
      return true;
    }
    const { at = 0, refs = [] } = readClaim(value) ?? {};
    for (const ref of refs.map(String)) {
      const known = claims.get(ref);
      // All operators compare the times in the records, so that they agree whatever their own clocks say.
      if (!known || known.owner === owner || at - known.at > CLAIM_MS) claims.set(ref, { owner, at });
    }
    return true;
  };
  const has = (owner: string, ref: string): boolean => claims.get(ref)?.owner === owner;
  const clear = (): void => claims.clear();
  return { note, has, clear };
};

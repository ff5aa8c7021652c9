import type { Claimed } from './claim-statement.ts';

/** A row that this process has taken, until its outcome is carried out. */
export interface OpenDelivery {
  readonly claimed: Claimed;
  /** Aborted when the row is not ours any more. */
  readonly lost: AbortController;
  /** When the lease ends at the latest, by our own clock. */
  endsAt: number;
  /** Whether a handler has been given it. */
  isSeen: boolean;
  /** Whether its outcome is known. */
  isSettled: boolean;
}

/** A lease is renewed after this part of it, and given up when only this part is left. */
const PART = 1 / 4;

/** What this process has taken. Watches the leases with its own clock: the database may not answer. */
export const createOpenDeliveries = (leaseMs: number) => {
  const open = new Set<OpenDelivery>();
  let watch: ReturnType<typeof setInterval> | undefined;
  let renewedAt = 0;

  const lose = (delivery: OpenDelivery, reason: string): void => {
    open.delete(delivery);
    if (!delivery.isSettled) delivery.lost.abort(new Error(`[mapbus] postgres: ${reason}`));
  };
  const look = (): void => {
    const latest = performance.now() + leaseMs * PART;
    for (const delivery of open)
      if (!delivery.isSettled && delivery.endsAt <= latest) lose(delivery, 'the lease of the event has run out');
    if (open.size > 0) return;
    clearInterval(watch);
    watch = undefined;
  };
  /** @param since when the row was asked for: the lease begins later than that */
  const add = (claimed: Claimed, since: number): OpenDelivery => {
    const delivery = { claimed, lost: new AbortController(), endsAt: since + leaseMs, isSeen: false, isSettled: false };
    open.add(delivery);
    watch ??= setInterval(look, leaseMs * PART);
    return delivery;
  };
  const isRenewalDue = (): boolean => open.size > 0 && performance.now() - renewedAt >= leaseMs * PART;
  /** @param renew extends the leases of rows, and gives those that it could extend */
  const renewAll = async (renew: (rows: readonly Claimed[]) => Promise<ReadonlySet<string>>): Promise<void> => {
    const since = performance.now();
    renewedAt = since;
    const all = [...open].filter(({ isSettled }) => !isSettled);
    if (all.length === 0) return;
    const kept = await renew(all.map(({ claimed }) => claimed));
    for (const delivery of all) {
      if (kept.has(identityOf(delivery.claimed))) delivery.endsAt = since + leaseMs;
      else if (!delivery.isSettled) lose(delivery, 'another process has the event');
    }
  };
  const close = (): void => {
    for (const delivery of open) lose(delivery, 'the connection is closed');
    clearInterval(watch);
  };
  return { open, add, remove: (delivery: OpenDelivery) => open.delete(delivery), isRenewalDue, renewAll, close };
};

/** Names a claim within this process. */
export const identityOf = ({
  event,
  consumer,
  claims,
}: { readonly [Part in 'event' | 'consumer' | 'claims']?: string | null }): string => `${event}/${consumer}/${claims}`;

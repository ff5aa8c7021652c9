import type { ClusterMetadata } from '@platformatic/kafka';
import { sleep } from '../shared/sleep.ts';
import { within } from '../shared/time-limit.ts';
import type { Client, ConsumerClient } from './client.ts';
import { type Commit, sendCommit } from './commit.ts';
import { isOneOf, isUnknownTopic } from './errors.ts';

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface MembershipParts {
  /** Makes a client for the group, under the instance id of this process or under another. */
  readonly createClient: (hasOtherInstanceId: boolean) => Client<ConsumerClient>;
  readonly topics: readonly string[];
  readonly sessionTimeoutMs: number;
  /** Which broker coordinates the group now: the client asks only once. */
  readonly findCoordinator: () => Promise<number | undefined>;
  /** Called when the partitions are being dealt out anew: nothing new shall start, and what is done is to be committed. */
  readonly hold: () => void;
  /** Called with what this process has now. It is `continued` if no other process can have had it in between. */
  readonly assigned: (partitions: readonly TopicPartition[], isContinued: boolean) => void;
  /** Called when nothing may be this process's any more. */
  readonly lost: () => void;
  /** Called when a topic is missing: nothing is assigned without it. */
  readonly remakeTopics: () => Promise<void>;
  /** Called when the group has not answered for a while: the other connections may be half-open too. */
  readonly silent: () => void;
  readonly trouble: (error: unknown) => void;
}

const PAUSE_MS = 300;
const WATCH_MS = 250;
const LEAVE_MS = 2_000;
/** The other members join within a heartbeat. */
const LAST_JOIN_MS = 3_000;
const JOIN_MS = 10_000;
const MIN_SILENT_MS = 2_000;
const MANY_CONTENDED = 2;

/** Keeps this process in a group until it leaves. The client is kept as long as it works: a new one costs a rebalance. */
export const createMembership = (parts: MembershipParts) => {
  const {
    createClient,
    topics,
    sessionTimeoutMs,
    findCoordinator,
    hold,
    assigned,
    lost,
    remakeTopics,
    silent,
    trouble,
  } = parts;
  const left = new AbortController();
  // Not too short: a process that is busy answers late.
  const silentLimitMs = Math.max(sessionTimeoutMs * 0.4, Math.min(sessionTimeoutMs, MIN_SILENT_MS));
  let current = createClient(false);
  let joining: Promise<unknown> | undefined;
  /** When the last request was sent that the group has answered; `undefined` while this process is not in it. */
  let confirmedAt: number | undefined;
  let sentAt = performance.now();
  let memberId: string | null = null;
  let generation = -1;
  let isLost = true;
  let isLeader = false;
  let counts: ReadonlyMap<string, number> = new Map();
  let cutAt = 0;
  let contended = 0;
  let round = 0;
  let joinsSince = 0;

  const loseAll = () => {
    if (isLost) return;
    isLost = true;
    lost();
  };

  const countsOf = (metadata: ClusterMetadata | undefined): ReadonlyMap<string, number> =>
    new Map(topics.map((topic) => [topic, metadata?.topics.get(topic)?.partitionsCount ?? 0]));

  const listen = (own: Client<ConsumerClient>) => {
    const { client } = own;
    const isCurrent = () => own === current && !left.signal.aborted;
    client.on('error', (error: unknown) => {
      if (isCurrent()) void rejoin(error);
    });
    client.on('consumer:group:rebalance', () => {
      if (isCurrent()) hold();
    });
    client.on('consumer:heartbeat:start', () => {
      sentAt = performance.now();
    });
    client.on('consumer:heartbeat:end', () => {
      if (!isCurrent()) return;
      confirmedAt = sentAt;
      // It was silent for so long that its session might have ended, and it had not.
      if (isLost) takeOver(true);
    });
    client.on('consumer:heartbeat:error', ({ error }: { error: Error }) => {
      if (isCurrent()) void heartbeatFailed(error);
    });
    client.on('consumer:group:join', (payload) => {
      if (!isCurrent()) return;
      if (isContended(client) && ++contended >= MANY_CONTENDED) {
        trouble(new Error('Another process has the same instance id'));
        loseAll();
        replace(true);
        void startJoin();
        return;
      }
      isLeader = payload.isLeader ?? false;
      counts = countsOf(client.currentMetadata);
      takeOver(false);
    });
  };

  /** Another member has taken the place of this one: the newest client then takes it back, and so on. */
  const isContended = (client: ConsumerClient): boolean =>
    !joining &&
    memberId !== null &&
    client.memberId !== memberId &&
    confirmedAt !== undefined &&
    performance.now() - confirmedAt < sessionTimeoutMs;

  const takeOver = (isAgain: boolean) => {
    const { client } = current;
    const isContinued = !isAgain && !isLost && client.memberId === memberId && client.generationId <= generation + 1;
    memberId = client.memberId;
    generation = client.generationId;
    confirmedAt = performance.now();
    if (!isContinued) loseAll();
    isLost = false;
    const list = (client.assignments ?? []).flatMap(({ topic, partitions }) =>
      partitions.map((partition) => ({ topic, partition })),
    );
    assigned(list, isContinued);
  };

  /** Joins, again and again while that fails. */
  const join = async (own: number): Promise<void> => {
    while (!left.signal.aborted && own === round) {
      const { client } = current;
      try {
        client.topics.trackAll(...topics);
        await client.joinGroup();
        return;
      } catch (error) {
        if (left.signal.aborted || own !== round) return;
        trouble(error);
        if (isUnknownTopic(error)) await remakeTopics();
        if (left.signal.aborted || own !== round) return;
        await replaceIfHopeless(error);
        await sleep(PAUSE_MS, left.signal);
      }
    }
  };
  const startJoin = (): Promise<unknown> => {
    if (joining) return joining;
    const own = ++round;
    joinsSince = performance.now();
    joining = join(own).finally(() => {
      if (own === round) joining = undefined;
    });
    return joining;
  };
  const rejoin = async (error: unknown): Promise<void> => {
    trouble(error);
    hold();
    await sleep(PAUSE_MS, left.signal);
    await startJoin();
  };

  /** With the same instance id, it takes the place of the old one. */
  const replace = (hasOtherInstanceId: boolean): void => {
    const old = current;
    current = createClient(hasOtherInstanceId);
    listen(current);
    old.cut();
    void dispose(old);
  };
  /** The new client has to be in the group first: the old one would take the membership with it. */
  const dispose = async (old: Client<ConsumerClient>): Promise<void> => {
    await sleep(PAUSE_MS, left.signal);
    await joining;
    await old.close();
  };
  const hasMoved = async (): Promise<boolean> => {
    const known = current.client.coordinatorId;
    if (known === null) return false;
    const found = await findCoordinator().catch(() => undefined);
    return found !== undefined && found !== known;
  };
  const replaceIfHopeless = async (error: unknown): Promise<void> => {
    if (isOneOf(error, /FENCED_INSTANCE_ID/)) replace(true);
    else if (isOneOf(error, /NOT_COORDINATOR/) || (await hasMoved())) replace(false);
  };

  // The client sends no more heartbeats after an error. To join again costs less than to be thrown out.
  const heartbeatFailed = async (error: unknown): Promise<void> => {
    trouble(error);
    if (isOneOf(error, /FENCED_INSTANCE_ID/)) loseAll();
    await sleep(PAUSE_MS, left.signal);
    await replaceIfHopeless(error);
    await startJoin();
  };

  const watch = () => {
    // The client may wait for an answer for ever.
    if (joining && performance.now() - joinsSince > 2 * sessionTimeoutMs + JOIN_MS) renew();
    if (confirmedAt === undefined) return;
    const silentMs = performance.now() - confirmedAt;
    if (silentMs > sessionTimeoutMs) loseAll();
    // Long before the session ends, and only once in that time: the connection may be half-open.
    if (!joining && silentMs > silentLimitMs && performance.now() - cutAt > silentLimitMs) {
      cutAt = performance.now();
      current.cut();
      silent();
    }
  };
  const watching = setInterval(watch, WATCH_MS);

  /** Tells what is known of the topics. The leader deals partitions out again when there are more of them. */
  const looked = (metadata: ClusterMetadata): void => {
    const isKnown = [...metadata.topics].every(
      ([topic, { partitionsCount }]) => partitionsCount === (counts.get(topic) ?? partitionsCount),
    );
    if (!isLeader || isKnown || joining || left.signal.aborted) return;
    current.client.clearMetadata();
    hold();
    void startJoin();
  };

  /**
   * Whether what was assigned last is still this process's, as far as its own clock can tell. If not, all is lost at once:
   * an outcome that is dropped and a partition that is kept would hold the commits up for ever.
   */
  const isMine = (): boolean => {
    if (confirmedAt === undefined || performance.now() - confirmedAt >= sessionTimeoutMs) loseAll();
    return !isLost;
  };

  /** @throws (rejects with) what the broker says; if it does not know this process any more, that has lost everything */
  const commit = async (commits: readonly Commit[]): Promise<void> => {
    const { client } = current;
    const sender = client.memberId;
    try {
      await sendCommit(client, commits);
    } catch (error) {
      const isThrownOut = isOneOf(error, /UNKNOWN_MEMBER_ID/) && current.client.memberId === sender;
      if (isThrownOut && !left.signal.aborted) {
        loseAll();
        void rejoin(error);
      }
      throw error;
    }
  };

  const start = (): Promise<unknown> => {
    listen(current);
    return startJoin();
  };
  /** Starts again with a new client: this one does nothing any more, and does not say why. */
  const renew = (): void => {
    if (left.signal.aborted) return;
    replace(false);
    joining = undefined;
    void startJoin();
  };

  const leave = async (): Promise<void> => {
    left.abort();
    clearInterval(watching);
    // A member whose join is answered after it has left would stay.
    if (joining) await within<unknown>(LAST_JOIN_MS, joining, () => {});
    const leaving = Promise.resolve(current.client.leaveGroup(true)).catch(() => {});
    await within<unknown>(LEAVE_MS, leaving, () => {});
    await current.close();
    loseAll();
  };

  return { start, renew, leave, looked, isMine, commit };
};

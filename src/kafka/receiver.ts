import { MAX_DELAY_MS } from '../shared/max-delay.ts';
import { sleep } from '../shared/sleep.ts';
import { within } from '../shared/time-limit.ts';
import type { ConnectionContext, ConsumerSpec, Deliver, Outcome, Receiving } from '../transport/index.ts';
import { assignToSubscribers } from './assigner.ts';
import type { Clients } from './client.ts';
import { createFetchLoop, type FetchLoop } from './fetch-loop.ts';
import { type GroupOffsets, type OffsetsByTopic, offsetOf } from './group-offsets.ts';
import { createHeaderReader, type ReadHeaders } from './header-reader.ts';
import { createIntake, type IntakeParts, type Job } from './intake.ts';
import { createMembership, type TopicPartition } from './membership.ts';
import { attemptOf, waitOf } from './outcomes.ts';
import { createPosition, deliveriesOf, type Position, roomOf, takeInHand, toCommit } from './position.ts';
import { bodyOf, keyOf, type StoredRecord } from './records.ts';
import { openAgain, readNote } from './suspicion.ts';

export interface ReceiverParts {
  readonly spec: ConsumerSpec;
  readonly deliver: Deliver;
  readonly group: string;
  readonly eventTopics: readonly string[];
  readonly retryTopic: string;
  /** Where a partition begins that has no committed offset and is not new. */
  readonly starts: OffsetsByTopic;
  readonly clients: Clients;
  readonly offsets: GroupOffsets;
  readonly findCoordinator: () => Promise<number | undefined>;
  readonly instanceId: string;
  readonly sessionTimeoutMs: number;
  readonly commitIntervalMs: number;
  readonly maxUncommitted: number;
  readonly metadataMs: number;
  readonly carryOut: IntakeParts['carryOut'];
  /** Called each time that this process has joined the group. */
  readonly joined: () => Promise<void>;
  /** Called when the broker has not answered for a while. */
  readonly silent: () => void;
  /** Called when it has left the group for good. */
  readonly left: () => void;
  /** Makes a topic again that was deleted. */
  readonly remake: (topic: string) => Promise<void>;
  readonly report: ConnectionContext['report'];
}

/** A consumer as it runs in this process. */
export interface Receiver extends Receiving {
  /** Resolves when it is in the group and has committed where it begins, or after a while without. It goes on trying. */
  readonly joined: Promise<unknown>;
  /** Leaves the group, after what is handled is committed. */
  readonly leave: () => Promise<void>;
}

/** Commits that fail for longer than this are reported. */
const FAILING_MS = 10_000;
/** So many retries may wait in this process, of each partition. */
const MAX_RETRIES_READ = 1_000;
const SILENT_MS = 20_000;
const FIRST_JOIN_MS = 15_000;
const PAUSE_MS = 300;
const LAST_COMMIT_MS = 1_500;
const WATCH_MS = 1_000;
/** So many commits a second are made at once when there is a reason; the others wait a little. */
const MAX_HURRIES = 20;
const URGENT_MS = 20;

const nameOf = ({ topic, partition }: TopicPartition): string => `${topic}:${partition}`;

export const startReceiver = (parts: ReceiverParts): Receiver => {
  const { spec, deliver, group, eventTopics, retryTopic, starts, clients, offsets, instanceId } = parts;
  const { sessionTimeoutMs, commitIntervalMs, maxUncommitted, metadataMs, carryOut, remake, report } = parts;
  const { consumer, concurrency, order, retryDelaysMs } = spec;
  const topics = [...eventTopics, retryTopic];
  const longestWaitMs = Math.max(...retryDelaysMs, 1_000);
  const ended = new AbortController();
  let positions: ReadonlyMap<string, Position> = new Map();
  let isStopped = false;
  let dealt = 0;
  let committing: Promise<void> | undefined;
  let hurries = 0;
  let hurriesSince = 0;
  let isInTrouble = false;
  let failingSince: { readonly at: number; isTold: boolean } | undefined;
  let began = () => {};
  /** Resolves once the broker knows where all partitions of this process begin. */
  const begun = new Promise<void>((resolve) => {
    began = resolve;
  });

  /** The first error of an outage is a warning. */
  const trouble = (error: unknown): void => {
    if (ended.signal.aborted) return;
    report(isInTrouble ? 'debug' : 'warn', 'event_transport_trouble', { consumer, error });
    isInTrouble = true;
  };

  const remakeAll = async (names: Iterable<string>): Promise<void> => {
    for (const topic of names) await remake(topic).catch(trouble);
  };

  const lose = (position: Position): void => {
    position.lost.abort(new Error('The partition may belong to another process'));
  };
  const loseAll = (): void => {
    dealt++;
    for (const position of positions.values()) lose(position);
    positions = new Map();
    failingSince = undefined;
    intake.forgetLost();
  };

  /** Retention was shorter than the consumer was away or behind. */
  const reportLost = ({ topic, partition }: TopicPartition, count: bigint): void =>
    report('error', 'event_lost', { consumer, topic, partition, count: Number(count), reason: 'retention' });

  /** Where a partition begins, and what of it is committed. */
  const beginOf = (
    place: TopicPartition,
    isNewLog: boolean,
    committed: bigint | undefined,
    first: bigint,
    end: bigint,
  ): { begin: bigint; committed: bigint | undefined } => {
    const fromFirst = { begin: first, committed: undefined };
    if (isNewLog) return fromFirst;
    if (committed === undefined)
      return { ...fromFirst, begin: offsetOf(starts, place.topic, place.partition) ?? first };
    if (committed < first) {
      reportLost(place, first - committed);
      return fromFirst;
    }
    if (committed > end) {
      report('warn', 'event_topic_made_anew', { consumer, ...place });
      return fromFirst;
    }
    return { begin: committed, committed };
  };
  const openPositions = async (places: readonly TopicPartition[], isNewLog: boolean): Promise<Position[]> => {
    const names = [...new Set(places.map(({ topic }) => topic))];
    const [known, notes, firsts, ends] = await Promise.all([
      offsets.committed(group),
      offsets.notes(group),
      offsets.starts(names),
      offsets.ends(names),
    ]);
    return places.map(({ topic, partition }) => {
      const first = offsetOf(firsts, topic, partition) ?? 0n;
      const end = offsetOf(ends, topic, partition) ?? 0n;
      const isRetry = topic === retryTopic;
      const start = beginOf({ topic, partition }, isNewLog, offsetOf(known, topic, partition), first, end);
      return createPosition({
        topic,
        partition,
        ...start,
        suspicion: openAgain(readNote(notes.get(topic)?.get(partition)), start.begin < end),
        isRetry,
        window: isRetry ? MAX_RETRIES_READ : maxUncommitted,
      });
    });
  };
  /** Begins to read partitions, unless they are dealt out anew meanwhile. */
  const open = async (places: readonly TopicPartition[], isNewLog: boolean): Promise<void> => {
    const own = dealt;
    const isCurrent = () => own === dealt && !ended.signal.aborted;
    while (isCurrent()) {
      try {
        const opened = await openPositions(places, isNewLog);
        if (!isCurrent()) return;
        positions = new Map([...positions, ...opened.map((position) => [nameOf(position), position] as const)]);
        intake.release();
        commitSoon(0);
        wake();
        return;
      } catch (error) {
        trouble(error);
        await remakeAll(new Set(places.map(({ topic }) => topic)));
        await sleep(PAUSE_MS, ended.signal);
      }
    }
  };

  const assigned = (places: readonly TopicPartition[], isContinued: boolean): void => {
    dealt++;
    const wanted = new Set(places.map(nameOf));
    for (const [name, position] of positions) if (!isContinued || !wanted.has(name)) lose(position);
    positions = new Map([...positions].filter(([, { lost }]) => !lost.signal.aborted));
    intake.forgetLost();
    isInTrouble = false;
    const fresh = places.filter((place) => !positions.has(nameOf(place)));
    if (fresh.length > 0) void open(fresh, false);
    else intake.release();
    if (places.length === 0) began();
    // Nothing could be committed since the last join began.
    commitSoon();
    wake();
    void parts.joined().catch(trouble);
  };

  const commitAll = async (): Promise<void> => {
    if (!membership.isMine()) return;
    const due = [...positions.values()].flatMap((position) => {
      const commit = toCommit(position);
      return commit ? [{ position, ...commit }] : [];
    });
    if (due.length === 0) {
      failingSince = undefined;
      if (positions.size > 0) began();
      return;
    }
    await membership.commit(
      due.map(({ position: { topic, partition }, offset, note }) => ({ topic, partition, offset, note })),
    );
    failingSince = undefined;
    for (const { position, offset, note } of due) {
      position.committed = offset;
      position.committedNote = note;
    }
    began();
    wake();
  };
  /** One that fails is no trouble. If they keep failing, the partitions are read no further in the end. */
  const commitFailed = (error: unknown): void => {
    const now = performance.now();
    failingSince ??= { at: now, isTold: false };
    const isLong = !failingSince.isTold && now - failingSince.at > FAILING_MS;
    if (isLong) failingSince.isTold = true;
    report(isLong ? 'warn' : 'debug', 'event_commit_failed', { consumer, error });
  };
  const commitNow = (): Promise<void> => {
    // What cannot be committed is due again, and comes again if this process has lost it.
    committing ??= commitAll()
      .catch((error) => {
        commitFailed(error);
        commitSoon();
      })
      .finally(() => {
        committing = undefined;
      });
    return committing;
  };
  let commitTimer: ReturnType<typeof setTimeout> | undefined;
  let commitDueAt = 0;
  /** Commits within so many milliseconds. */
  const commitSoon = (withinMs = commitIntervalMs): void => {
    // A timer that is set is due within the interval.
    if (commitTimer && withinMs === commitIntervalMs) return;
    const dueAt = performance.now() + withinMs;
    if (ended.signal.aborted || (commitTimer && commitDueAt <= dueAt)) return;
    clearTimeout(commitTimer);
    commitDueAt = dueAt;
    commitTimer = setTimeout(async () => {
      await committing;
      await commitNow();
      commitTimer = undefined;
      if ([...positions.values()].some((position) => toCommit(position) !== undefined)) commitSoon();
    }, withinMs);
  };

  /** Many failures at a time are not a commit each. */
  const mayHurry = (): boolean => {
    const now = performance.now();
    if (now - hurriesSince > 1_000) {
      hurriesSince = now;
      hurries = 0;
    }
    return ++hurries <= MAX_HURRIES;
  };
  const finished = ({ position }: Job, outcome: Outcome): void => {
    // Else a crash would bring the event again beside its retry.
    const isUrgent = outcome.is !== 'done' || roomOf(position) < position.window / 2;
    if (!isUrgent) commitSoon();
    else if (committing || !mayHurry()) commitSoon(Math.min(committing ? 0 : URGENT_MS, commitIntervalMs));
    else void commitNow();
  };

  const toJob = (position: Position, record: StoredRecord, read: ReadHeaders): readonly [Job, number] => {
    const { headers, foreign, attributes } = read;
    const isRetry = position.isRetry;
    const job = {
      position,
      inHand: takeInHand(position, record.offset),
      key: keyOf(record),
      body: bodyOf(record),
      headers: foreign,
      attributes,
      attempt: isRetry ? attemptOf(headers) : 1,
      deliveries: deliveriesOf(position, record.offset),
    };
    return [job, isRetry ? waitOf(headers, longestWaitMs) : 0];
  };
  const take = (position: Position, records: readonly StoredRecord[], next: bigint): void => {
    if (position.lost.signal.aborted) return;
    isInTrouble = false;
    const room = roomOf(position);
    const taken = records.slice(0, Math.max(room, 0));
    const readHeaders = createHeaderReader();
    for (const record of taken) {
      position.next = record.offset + 1n;
      intake.take(...toJob(position, record, readHeaders(record)));
    }
    // What there was no room for is read again later.
    if (taken.length === records.length) position.next = next;
    if (taken.length < records.length || roomOf(position) < position.window / 2) void commitNow();
    // Records of the broker's own are passed by, and nobody handles them.
    if (taken.length === 0) commitSoon();
    intake.pump();
  };

  /** Goes on with what is left of a partition, or with the beginning of another log of its name. */
  const outOfRange = async (position: Position): Promise<void> => {
    if (position.lost.signal.aborted) return;
    const { topic, partition } = position;
    const [firsts, ends] = [await offsets.starts([topic]), await offsets.ends([topic])];
    if (position.lost.signal.aborted) return;
    const first = offsetOf(firsts, topic, partition) ?? 0n;
    const end = offsetOf(ends, topic, partition) ?? 0n;
    if (position.next < first) {
      // What it has read before stays in hand.
      reportLost({ topic, partition }, first - position.next);
      position.next = first;
      // What is missing counts as read: without a commit, there might be no room for more.
      commitSoon(0);
    } else if (position.next > end) {
      report('warn', 'event_topic_made_anew', { consumer, topic, partition });
      reopen([position], true);
    }
  };
  const reopen = (list: readonly Position[], isNewLog: boolean): void => {
    for (const position of list) lose(position);
    positions = new Map([...positions].filter(([, { lost }]) => !lost.signal.aborted));
    intake.forgetLost();
    void open(list, isNewLog);
  };
  const topicMissing = async (topic: string): Promise<void> => {
    if (!isStopped) await remake(topic);
  };
  const topicChanged = async (topic: string): Promise<void> => {
    if (isStopped) return;
    report('warn', 'event_topic_made_anew', { consumer, topic });
    reopen(
      [...positions.values()].filter((position) => position.topic === topic),
      true,
    );
  };

  const intake = createIntake({
    concurrency,
    ordersByKey: order === 'key',
    deliver,
    carryOut,
    isMine: () => membership.isMine(),
    mark: (job) => mark(job),
    finished,
    roomy: () => wake(),
  });
  const membership = createMembership({
    createClient: (hasOtherInstanceId) =>
      clients.member({
        groupId: group,
        groupInstanceId: hasOtherInstanceId ? `${instanceId}-${crypto.randomUUID()}` : instanceId,
        sessionTimeoutMs,
        assigner: assignToSubscribers,
      }),
    topics,
    sessionTimeoutMs,
    findCoordinator: parts.findCoordinator,
    hold: () => {
      intake.hold();
      // Not after a commit that is on its way: the join would be ahead of it.
      void commitAll().catch(commitFailed);
    },
    assigned,
    lost: loseAll,
    remakeTopics: () => remakeAll(topics),
    silent: () => {
      parts.silent();
      for (const reader of readers) reader.cut();
    },
    trouble,
  });

  const readers = [clients.reader(), clients.reader()] as const;
  const createLoop = (index: 0 | 1, cursors: () => Position[]): FetchLoop =>
    createFetchLoop({
      reader: readers[index],
      cursors,
      take,
      outOfRange,
      topicMissing,
      topicChanged,
      looked: (metadata) => membership.looked(metadata),
      trouble,
      metadataMs,
    });
  const withRoom = (isRetry: boolean): Position[] =>
    isStopped ? [] : [...positions.values()].filter((each) => each.isRetry === isRetry && roomOf(each) > 0);
  const loops = [
    createLoop(0, () => (intake.hasRoom() ? withRoom(false) : [])),
    // A loop of its own: a retry that is not due holds no event up, and events hold no retry up.
    createLoop(1, () => withRoom(true)),
  ];
  const wake = (): void => {
    for (const loop of loops) loop.wake();
  };
  const watching = setInterval(() => {
    if (loops.every((loop) => loop.silentMs() < SILENT_MS)) return;
    for (const reader of readers) reader.cut();
    membership.renew();
  }, WATCH_MS);

  const stop = async (): Promise<void> => {
    if (isStopped) return;
    isStopped = true;
    intake.stop();
    for (const loop of loops) loop.stop();
  };
  /** Marks an event before it is delivered alone, so that the next owner knows of it if this process dies. */
  const mark = async ({ position, inHand, deliveries }: Job): Promise<void> => {
    const { suspicion } = position;
    if (!suspicion) return;
    position.suspicion = { ...suspicion, alone: { offset: inHand.offset, count: deliveries } };
    while (!position.lost.signal.aborted && !isStopped) {
      try {
        await committing;
        await commitAll();
        return;
      } catch (error) {
        commitFailed(error);
        await sleep(PAUSE_MS, position.lost.signal);
      }
    }
  };
  let leaving: Promise<void> | undefined;
  const leaveNow = async (): Promise<void> => {
    await stop();
    // This process has not died here.
    for (const position of positions.values()) position.suspicion = undefined;
    // A broker that is silent does not hold the close up.
    await within<unknown>(LAST_COMMIT_MS, Promise.resolve(committing).then(commitNow), () => {});
    ended.abort();
    clearInterval(watching);
    clearTimeout(commitTimer);
    await Promise.all([membership.leave(), ...readers.map((reader) => reader.close())]);
    loseAll();
    parts.left();
  };
  const leave = (): Promise<void> => {
    leaving ??= leaveNow();
    return leaving;
  };

  return {
    // With what is held in memory alone, a crash would lose where new event names begin.
    joined: Promise.race([membership.start().then(() => begun), sleep(FIRST_JOIN_MS, ended.signal)]),
    stop: async () => {
      await stop();
      // Its partitions belong to nobody else until it leaves.
      void Promise.race([intake.untilIdle(), sleep(Math.min(spec.timeoutMs + 1_000, MAX_DELAY_MS), ended.signal)]).then(
        leave,
      );
    },
    leave,
  };
};

import { offsetCommitV8 } from '@platformatic/kafka';
import type { ConsumerClient } from './client.ts';

export interface Commit {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  /** What is kept beside the offset. */
  readonly note: string;
}

/**
 * Commits as a member of the group. Not by the client: that would join again when the group has gone on without this
 * process, and then commit offsets from before. The request is sent before this function returns, so that it is ahead of
 * a join.
 */
export const sendCommit = async (client: ConsumerClient, commits: readonly Commit[]): Promise<void> => {
  const { coordinatorId, memberId, generationId, groupId } = client;
  const broker = coordinatorId === null ? undefined : client.currentMetadata?.brokers.get(coordinatorId);
  const connection = broker && client.connections.getEstablishedConnection(broker);
  if (!connection?.isConnected() || memberId === null) throw new Error('The coordinator of the group is not connected');
  const topics = [...new Set(commits.map(({ topic }) => topic))].map((name) => ({
    name,
    partitions: commits
      .filter(({ topic }) => topic === name)
      .map(({ partition, offset, note }) => ({
        partitionIndex: partition,
        committedOffset: offset,
        committedLeaderEpoch: -1,
        committedMetadata: note,
      })),
  }));
  await offsetCommitV8.api.async(connection, groupId, generationId, memberId, null, topics);
};

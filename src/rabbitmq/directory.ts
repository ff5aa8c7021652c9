import { isObject } from '../shared/check.ts';
import type { ConsumerSpec } from '../transport/index.ts';
import type { Declarer } from './declare-queue.ts';
import { createKept } from './kept.ts';
import type { Link } from './link.ts';
import type { Names } from './names.ts';
import { levelsOf, type Topology } from './topology.ts';

/** What is noted of a consumer. */
export interface DirectoryEntry {
  /** When a process last said that it runs it, in milliseconds since 1970. */
  readonly seenAt: number;
  /** The times of its retry queues, also of earlier versions. */
  readonly levels: readonly number[];
}

export type Directory = Readonly<Record<string, DirectoryEntry>>;

/** Processes that start together need not all write. */
const NOTE_MS = 60_000;
/** RabbitMQ removes a queue that is not used after 50 days at the latest. */
const FORGET_MS = 60 * 86_400_000;

const isEntry = (value: unknown): value is DirectoryEntry =>
  isObject(value) &&
  'seenAt' in value &&
  typeof value.seenAt === 'number' &&
  'levels' in value &&
  Array.isArray(value.levels);

const parse = (json: string): Directory => {
  try {
    return Object.fromEntries(Object.entries(JSON.parse(json)).filter(([, entry]) => isEntry(entry))) as Directory;
  } catch {
    return {};
  }
};

const union = (a: readonly number[], b: readonly number[]): number[] =>
  [...new Set([...a, ...b])].sort((x, y) => x - y);

const mergeTwo = (a: Directory, b: Directory): Directory => {
  const merged: Record<string, DirectoryEntry> = { ...a };
  for (const [consumer, { seenAt, levels }] of Object.entries(b)) {
    const known = merged[consumer];
    merged[consumer] = known
      ? { seenAt: Math.max(known.seenAt, seenAt), levels: union(known.levels, levels) }
      : { seenAt, levels };
  }
  return merged;
};

const merge = (all: readonly Directory[]): Directory => all.reduce(mergeTwo, {});

const noted = (before: Directory, specs: readonly ConsumerSpec[], now: number): Directory => {
  const living = Object.entries(before).filter(([, { seenAt }]) => now - seenAt < FORGET_MS);
  const after: Record<string, DirectoryEntry> = Object.fromEntries(living);
  for (const spec of specs) {
    const known = after[spec.consumer];
    const levels = union(known?.levels ?? [], levelsOf(spec));
    const isFresh = known !== undefined && now - known.seenAt < NOTE_MS && levels.length === known.levels.length;
    if (!isFresh) after[spec.consumer] = { seenAt: now, levels };
  }
  return after;
};

interface Parts {
  readonly link: Link;
  readonly names: Names;
  readonly topology: Topology;
  readonly declarer: Declarer;
  /** Whether an operator makes the queues. */
  readonly isChecked: boolean;
}

/** Which consumers a service has. It only says where to look: the queues say what is there. */
export const createDirectory = ({ link, names, topology, declarer, isChecked }: Parts) => {
  const kept = createKept({ link, declarer, parse, merge });
  const queue = names.directory;

  /** Says that this process runs consumers. */
  const note = async (specs: readonly ConsumerSpec[]): Promise<void> => {
    const change = (before: Directory) => noted(before, specs, Date.now());
    if (!isChecked) await kept.update(topology.directory(), change);
    else await kept.change(queue, ((await declarer.look(queue))?.messages ?? 0) === 0, change);
  };

  /** Empty where no process has noted anything yet. */
  const read = async (): Promise<Directory> => {
    const found = await declarer.look(queue);
    return found ? kept.read(queue) : {};
  };

  const forget = async (consumer: string): Promise<void> => {
    if (!(await declarer.look(queue))) return;
    await kept.change(queue, false, ({ [consumer]: _, ...rest }) => rest);
  };

  return { note, read, forget };
};

export type ConsumerDirectory = ReturnType<typeof createDirectory>;

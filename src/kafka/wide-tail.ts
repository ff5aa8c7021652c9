import { repeat } from '../shared/repeat.ts';
import type { Receiving } from '../transport/index.ts';
import type { Names } from './names.ts';
import { startTail, type TailParts } from './tail.ts';

/** How often it is looked for new topics. */
const LOOK_MS = 1_000;

interface WideTailParts extends Omit<TailParts, 'topics' | 'remake'> {
  readonly names: Names;
  readonly isWanted: (event: string) => boolean;
  readonly listTopics: () => Promise<readonly string[]>;
}

/** Tells the events of all topics whose events are wanted, also of topics that come later. */
export const startWideTail = async (parts: WideTailParts): Promise<Receiving> => {
  const { names, isWanted, listTopics, trouble } = parts;
  const listWanted = async (): Promise<readonly string[]> =>
    (await listTopics()).filter((topic) => {
      const event = names.eventOf(topic);
      return event !== undefined && isWanted(event);
    });
  let known: ReadonlySet<string> = new Set(await listWanted());
  /** One that was deleted is new when it comes again. */
  const isThere = async (topic: string): Promise<boolean> => {
    const isListed = (await listTopics()).includes(topic);
    if (!isListed) known = new Set([...known].filter((each) => each !== topic));
    return isListed;
  };
  const tail = await startTail({ ...parts, topics: [...known], remake: isThere });
  let isStopped = false;

  const look = async (): Promise<void> => {
    const topics = await listWanted();
    if (isStopped) return;
    for (const topic of topics) if (!known.has(topic)) tail.add(topic);
    known = new Set(topics);
  };
  const looking = repeat(
    look,
    () => LOOK_MS,
    (error) => !isStopped && trouble(error),
  );
  const stop = async (): Promise<void> => {
    isStopped = true;
    looking.stop();
    await tail.stop();
  };
  return { stop };
};

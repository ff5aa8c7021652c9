import type { Channel } from 'rabbitmq-client';

/** Marks what had no encoding. */
const AS_IT_IS = 'mapbus-as-it-is';

interface HeaderFrame {
  readonly fields: { contentEncoding?: string | undefined };
}

/**
 * The client parses bodies of the types `application/json` and `text/plain`, and what was published cannot be restored from
 * that. It leaves bodies that have an encoding alone, and it has no option for this.
 */
export const keepBytes = (channel: Channel): void => {
  const read: unknown = Reflect.get(channel, '_onHeader');
  if (typeof read !== 'function') return;
  Reflect.set(channel, '_onHeader', (frame: HeaderFrame) => {
    frame.fields.contentEncoding ||= AS_IT_IS;
    Reflect.apply(read, channel, [frame]);
  });
};

/** The encoding that the publisher gave. */
export const encodingOf = (contentEncoding: string | undefined): string | undefined =>
  contentEncoding === AS_IT_IS ? undefined : contentEncoding;

import type { Metadata } from './types.ts';

/** Any object of strings, interfaces included. */
type Strings<Type> = { readonly [Key in keyof Type]: string | undefined };

/**
 * Adds metadata to the arguments of a publish, in a function that wraps `publish`. Metadata that the publisher passes
 * itself wins.
 * @param args what follows the name in `publish`: `PublishArgs`
 * @example
 * const publish: typeof bus.publish = (name, ...args) => bus.publish(name, ...withMetadata(args, { trace_id }));
 */
export const withMetadata = <Args extends readonly unknown[], Added extends Strings<Added>>(
  args: Args,
  metadata: Added,
): Args => {
  const [payload, options] = args;
  const given = options as { readonly metadata?: Metadata } | undefined;
  const merged: readonly unknown[] = [payload, { ...given, metadata: { ...metadata, ...given?.metadata } }];
  // For every event, the arguments are a payload and options, as they are here.
  return merged as Args;
};

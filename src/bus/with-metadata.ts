import { isObject } from '../shared/check.ts';
import { copyMetadata } from './metadata.ts';
import type { Metadata, StringValues } from './types.ts';

/**
 * Adds metadata to the arguments of a publish, in a function that wraps `publish`. Metadata that the publisher passes
 * itself wins.
 * @param args what follows the name in `publish`, of the type `PublishArgs`
 * @throws TypeError if `metadata` is no object of strings
 * @example
 * const publish: typeof bus.publish = (name, ...args) => bus.publish(name, ...withMetadata(args, { trace_id }));
 */
export const withMetadata = <Args extends readonly unknown[], Added extends StringValues<Added>>(
  args: Args,
  metadata: Added,
): Args => {
  const [payload, options] = args;
  copyMetadata('withMetadata metadata', metadata);
  const given = options as { readonly metadata?: Metadata } | undefined;
  const own = given?.metadata;
  // If the publisher's metadata is no object, the bus refuses it.
  const all = own === undefined || isObject(own) ? { ...metadata, ...own } : own;
  const merged: readonly unknown[] = [payload, { ...given, metadata: all }];
  // The arguments of every event are a payload and options. TypeScript does not know that these are the same.
  return merged as Args;
};

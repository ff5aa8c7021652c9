const SEED = 0x9747b28c;
const MULTIPLIER = 0x5bd1e995;

/**
 * The hash that clients of Kafka agree on, so that events of one key are in one partition whoever publishes them. The one
 * of the client counts with numbers that grow with the key: it stops the process for seconds where a key is long.
 */
const hashOf = (key: Buffer): number => {
  const { length } = key;
  const end = length - (length % 4);
  let hash = SEED ^ length;
  for (let index = 0; index < end; index += 4) {
    let part = Math.imul(key.readInt32LE(index), MULTIPLIER);
    part = Math.imul(part ^ (part >>> 24), MULTIPLIER);
    hash = Math.imul(hash, MULTIPLIER) ^ part;
  }
  if (end < length) hash = Math.imul(hash ^ key.readUIntLE(end, length - end), MULTIPLIER);
  hash = Math.imul(hash ^ (hash >>> 13), MULTIPLIER);
  return hash ^ (hash >>> 15);
};

/** The partition of a key, before it is divided by how many there are. As in Java, so that publishers of both agree. */
export const partitionOf = (key: Buffer): number => hashOf(key) & 0x7fffffff;

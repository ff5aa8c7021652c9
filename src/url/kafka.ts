import type { KafkaOptions } from '../kafka/index.ts';
import type { Transport } from '../transport/index.ts';
import { load } from './load.ts';
import { type KnownQuery, readQuery } from './query.ts';

const OPTIONS: KnownQuery = {
  commitIntervalMs: 'number',
  from: 'text',
  instanceId: 'text',
  maxUncommitted: 'number',
  mechanism: 'text',
  partitions: 'number',
  replicas: 'number',
  sessionTimeoutMs: 'number',
  topology: 'text',
};

const MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const;
type Mechanism = (typeof MECHANISMS)[number];

const readMechanism = (text: unknown = 'PLAIN'): Mechanism => {
  const found = MECHANISMS.find((mechanism) => mechanism === text);
  if (!found) {
    const known = MECHANISMS.join(', ');
    throw new TypeError(
      `[mapbus] transportFromUrl: expected one of the mechanisms ${known}, got ${JSON.stringify(text)}`,
    );
  }
  return found;
};

// Without the text, which is a part of a password.
const decode = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new TypeError(
      '[mapbus] transportFromUrl: the user or the password has a % that encodes nothing; write it as %25',
    );
  }
};

/** A list of hosts is no URL by the standard, so it is read by hand. */
const readAddress = (url: string) => {
  const [, authority = ''] = /^kafkas?:\/\/([^/?]*)/.exec(url) ?? [];
  const credentialsEnd = authority.lastIndexOf('@');
  const credentials = authority.slice(0, Math.max(credentialsEnd, 0));
  const passwordStart = credentials.indexOf(':');
  const [username, password] =
    passwordStart < 0 ? [credentials, ''] : [credentials.slice(0, passwordStart), credentials.slice(passwordStart + 1)];
  return {
    brokers: authority.slice(credentialsEnd + 1).split(','),
    username: decode(username),
    password: decode(password),
  };
};

/** `kafka://user:password@host:port,host:port`, or `kafkas:` for TLS. */
export const openKafka = async (url: string): Promise<Transport> => {
  const { mechanism: mechanismText, ...options } = readQuery(url, OPTIONS);
  const mechanism = readMechanism(mechanismText);
  const { brokers, username, password } = readAddress(url);
  const { kafka } = await load(() => import('../kafka/index.ts'), '@platformatic/kafka');
  const connection = {
    ...(username !== '' && { sasl: { mechanism, username, password } }),
    ...(url.startsWith('kafkas:') && { tls: {} }),
  };
  // The transport checks the options of the query.
  return kafka({ ...(options as Partial<KafkaOptions>), brokers, connection });
};

import { describeError } from '../shared/errors.ts';
import type { Connection, ConnectionContext, OperatorTools } from '../transport/index.ts';
import { transportFromUrl } from '../url/index.ts';
import { failedError, usageError } from './failure.ts';
import type { Io } from './io.ts';
import { plain } from './plain.ts';

type UrlSource = '--url' | 'EVENT_BUS_URL';

/** Where a command works. */
export interface Target {
  readonly url: string;
  /** Who has said the URL, for what is told of a wrong one. */
  readonly urlFrom: UrlSource;
  readonly service: string;
  readonly namespace: string;
}

/** Connects to the broker of a URL. */
export type Connect = (url: string, context: ConnectionContext, urlFrom: UrlSource) => Promise<Connection>;

/** A command only looks: it creates no tables. */
const withoutTables = (url: string): string => {
  if (!/^postgres(ql)?:/.test(url) || /[?&]createTables=/.test(url)) return url;
  return `${url}${url.includes('?') ? '&' : '?'}createTables=false`;
};

const SCHEMES = ['amqp', 'amqps', 'kafka', 'kafkas', 'postgres', 'postgresql'];

const checkScheme = (url: string, urlFrom: UrlSource): void => {
  const [scheme = ''] = url.split(':');
  if (SCHEMES.includes(scheme)) return;
  const expected = `${urlFrom}: expected a URL with one of the schemes ${SCHEMES.join(', ')}`;
  const why = scheme === 'memory' ? '. The events of memory: are in the process of the service alone' : '';
  throw usageError(`${expected}, got ${JSON.stringify(scheme)}${why}`);
};

export const connectByUrl: Connect = async (url, context, urlFrom) => {
  checkScheme(url, urlFrom);
  const transport = await transportFromUrl(withoutTables(url));
  return transport.connect(context);
};

const PUBLISH_TIMEOUT_MS = 10_000;

/** What a command does with a connection. */
export type Work = (connection: Connection) => Promise<number>;

/** How a command connects. */
export interface Opening {
  readonly sends?: ConnectionContext['sends'];
  /** Whether trouble that no call tells of is shown now: for what runs for long. */
  readonly showsTrouble?: () => boolean;
}

/** Connects, works, and closes in any case. */
export const withConnection = async (
  io: Io,
  connect: Connect,
  { url, urlFrom, service, namespace }: Target,
  { sends = 'all', showsTrouble = () => false }: Opening,
  work: Work,
): Promise<number> => {
  const report: ConnectionContext['report'] = (level, message, { error }) => {
    if (!showsTrouble() || level === 'debug') return;
    const text = error === undefined ? '' : `: ${describeError(error).errorMessage}`;
    io.err(`mapbus: ${plain(`${message}${text}`)}\n`);
  };
  const connection = await connect(
    url,
    { service, namespace, sends, publishTimeoutMs: PUBLISH_TIMEOUT_MS, report },
    urlFrom,
  );
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
};

export const operatorOf = ({ operator }: Connection): OperatorTools => {
  if (!operator) throw failedError('This transport has nothing for an operator');
  return operator;
};

import { isObject } from '../shared/check.ts';
import { EXIT } from './exit-codes.ts';
import { plain } from './plain.ts';

/** An error with the code that the command ends with. */
interface CommandError extends Error {
  readonly exitCode: number;
}

const failure = (exitCode: number, message: string): CommandError => Object.assign(new Error(message), { exitCode });

/** The caller has asked for something that cannot be. */
export const usageError = (message: string): CommandError => failure(EXIT.usage, message);

/** What was asked for is not there, or was not done. */
export const failedError = (message: string): CommandError => failure(EXIT.failed, message);

const textsOf = (error: unknown, depth = 0): string[] => {
  if (!isObject(error) || depth > 5) return error === undefined ? [] : [String(error)];
  const { message, code, cause, errors }: Record<string, unknown> = Object.assign(Object.create(null), {
    message: Reflect.get(error, 'message'),
    code: Reflect.get(error, 'code'),
    cause: Reflect.get(error, 'cause'),
    errors: Reflect.get(error, 'errors'),
  });
  const inner = [...(Array.isArray(errors) ? errors : []), cause].flatMap((each) => textsOf(each, depth + 1));
  // Node says nothing but the code where a host has several addresses.
  const own = String(message || code || (inner.length > 0 ? '' : error));
  return [own, ...(typeof code === 'string' ? [code] : []), ...inner].filter(Boolean);
};

const REFUSES = /ACCESS_REFUSED|NOT_ALLOWED|AUTHENTICATION|28P01|28000|3D000/i;
const CANNOT_REACH =
  /ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|cannot be reached|Connection terminated|socket closed|timed? ?out|has not answered|PLC_ERR_NETWORK/i;

/** A transport has refused the cursor of a page. */
export const isBadCursor = (error: unknown): boolean =>
  error instanceof TypeError && error.message.startsWith('[mapbus] page options.after:');

const isMissingPackage = (text: string): boolean => text.includes('this needs the package');

/** What the command ends with after an error. */
export const exitCodeOf = (error: unknown): number => {
  if (isObject(error) && 'exitCode' in error && typeof error.exitCode === 'number') return error.exitCode;
  if (error instanceof TypeError && error.message.startsWith('[mapbus]')) return EXIT.usage;
  const text = textsOf(error).join('\n');
  if (isMissingPackage(text)) return EXIT.usage;
  return CANNOT_REACH.test(text) || REFUSES.test(text) ? EXIT.unreachable : EXIT.failed;
};

/** An error in one line: what has happened, and its causes. */
export const explain = (error: unknown): string => {
  const isCode = (text: string) => /^[A-Z0-9_]+$/.test(text);
  const texts = textsOf(error).map((text) =>
    plain(text)
      .replace(/^\[mapbus\] /, '')
      // The client of RabbitMQ writes what it does not know.
      .replace(/\bundefined: /, '')
      .replace(/\.$/, ''),
  );
  const [first = ''] = texts;
  // How Node has looked for the package says nothing more.
  if (isMissingPackage(first)) return first;
  const told: string[] = [];
  for (const text of texts) {
    if (told.some((known) => known.includes(text)) || (isCode(text) && told.length > 0)) continue;
    told.push(text);
  }
  return told.join(': ');
};

const SYSTEMS: readonly (readonly [RegExp, string])[] = [
  [/^amqps?:/, 'RabbitMQ'],
  [/^kafkas?:/, 'Kafka'],
  [/^postgres(ql)?:/, 'Postgres'],
];

/** An error in one line, which names the broker of the URL where that is the trouble. */
export const explainAt = (url: string | undefined, error: unknown): string => {
  const text = explain(error);
  const [, system] = SYSTEMS.find(([scheme]) => scheme.test(url ?? '')) ?? [];
  if (system === undefined || exitCodeOf(error) !== EXIT.unreachable) return text;
  const isRefused = REFUSES.test(textsOf(error).join('\n'));
  const cause = text.replace(`${system} cannot be reached: `, '');
  return `${system} ${isRefused ? 'refuses the connection' : 'cannot be reached'}: ${cause}`;
};

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

/** Takes the password of a URL out of texts. */
export const createRedact = (url: string | undefined): ((text: string) => string) => {
  const [, authority = ''] = /^[a-z]+:\/\/([^/?#]*)/i.exec(url ?? '') ?? [];
  const credentials = authority.slice(0, Math.max(0, authority.lastIndexOf('@')));
  const passwordStart = credentials.indexOf(':');
  const password = passwordStart < 0 ? '' : credentials.slice(passwordStart + 1);
  // A name alone is no secret, and may be a word of the message.
  const secrets = [...new Set(password === '' ? [] : [credentials, password, decoded(password)])];
  secrets.sort((a, b) => b.length - a.length);
  return (text) => secrets.reduce((rest, secret) => rest.replaceAll(secret, '***'), text);
};

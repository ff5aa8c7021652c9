import { Admin } from '@platformatic/kafka';
import type { KafkaOptions } from 'mapbus/kafka';
import type { Connection, ConnectionContext, ConsumerSpec, Message } from 'mapbus/transport';
import { onTestFinished, vi } from 'vitest';
import { ensureService } from '../../../scripts/services/main.ts';
import { available } from '../support.ts';
import { type Process, startProcess } from './processes.ts';

export {
  DEAD,
  DONE,
  dataOf,
  lettersOf,
  range,
  receive,
  retryOf,
  specOf,
  textOf,
} from '../../../src/testing/contract/clause.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** Nothing, where Kafka cannot be installed. */
export const kinds = await available(['kafka']);

export const urlOf = async (): Promise<string> => (await ensureService('kafka')).url;

interface Line {
  readonly level: 'debug' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

export interface Connected {
  readonly connection: Connection;
  readonly process: Process;
  /** What it has reported. */
  readonly lines: readonly Line[];
  readonly logged: (message: string) => readonly Line[];
}

type Options = Partial<KafkaOptions> & { readonly context?: Partial<ConnectionContext> };

/** Connects a process of a service until the test has ended. */
export const connect = async (service: string, { context, ...options }: Options = {}): Promise<Connected> => {
  const brokers = (await urlOf()).split(',');
  const process = startProcess({ brokers, sessionTimeoutMs: 2_000, commitIntervalMs: 50, ...options });
  const lines: Line[] = [];
  const connection = process.transport.connect({
    service,
    namespace: '',
    sends: 'all',
    publishTimeoutMs: 10_000,
    report: (level, message, fields) => lines.push({ level, message, fields }),
    ...context,
  });
  onTestFinished(() => connection.close(), 30_000);
  return { connection, process, lines, logged: (message) => lines.filter((line) => line.message === message) };
};

/** A client to look with, and to do what operators do. */
export const openAdmin = async (): Promise<Admin> => {
  const admin = new Admin({
    clientId: 'operator',
    bootstrapBrokers: (await urlOf()).split(','),
    metadataMaxAge: 0,
  });
  onTestFinished(() => admin.close());
  return admin;
};

export const unique = (name: string): string => `${name}${Math.random().toString(36).slice(2, 10)}`;

export const eventTopic = (name: string) => `mapbus.events.${name}`;
export const groupOf = (service: string, consumer: string) => `mapbus.${service}.${consumer}`;
export const retryTopic = (service: string, consumer: string) => `mapbus.retry.${service}.${consumer}`;
export const deadTopic = (service: string) => `mapbus.dead.${service}`;

export const messageOf = (name: string, data: unknown, changes: Partial<Message> = {}): Message => {
  const id = crypto.randomUUID();
  const body = JSON.stringify({ specversion: '1.0', id, source: '/test', type: name, data });
  return { name, id, source: '/test', body, key: undefined, headers: {}, ...changes };
};

export const send = (connection: Connection, message: Message, signal = new AbortController().signal) =>
  connection.publish(message, { signal, session: undefined });

export const sendAll = async (connection: Connection, name: string, payloads: readonly unknown[]): Promise<void> => {
  await Promise.all(payloads.map((data) => send(connection, messageOf(name, data))));
};

export const after = (delayMs: number) => new Promise<void>((resolve) => setTimeout(resolve, delayMs));

/** Waits for what no call tells of. */
export const until = async (what: string, holds: () => boolean | Promise<boolean>, timeoutMs = 30_000) => {
  const endsAt = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > endsAt) throw new Error(`Waited ${timeoutMs} ms for ${what}`);
    await after(20);
  }
};

/** Puts a consumer in force. A broker may not know a new topic at once. */
export const declareSoon = (connection: Connection, spec: ConsumerSpec): Promise<void> =>
  until('the topics', () =>
    connection.declare([spec]).then(
      () => true,
      () => false,
    ),
  );

/** The ids of the members of a consumer's group, as the broker knows them. */
export const membersOf = async (admin: Admin, service: string, consumer: string): Promise<string[]> => {
  const group = groupOf(service, consumer);
  const groups = await admin.describeGroups({ groups: [group] }).catch(() => new Map());
  return [...(groups.get(group)?.members.keys() ?? [])];
};

// Publishes the real webhook payloads of @octokit/webhooks-examples in transactions of PGlite, to four handlers in this
// process and to a consumer of another service, and checks what they did.
import type { Transaction } from '@electric-sql/pglite';
import definitions from '@octokit/webhooks-examples';
import type { EventPayloadMap } from '@octokit/webhooks-types';
import { type EventOf, type Metadata, type PublishResult, publishEvent } from 'mapbus';
import { fromPglite, postgres } from 'mapbus/postgres';
import { createServiceBus } from 'mapbus/service';
import { countAuditRows, openDatabase, writeAuditRow } from './audit.ts';
import { barChart, table } from './report.ts';
import { startTriage } from './triage.ts';

const database = await openDatabase();

const loggedFailures = new Set<unknown>();
const bus = createServiceBus<EventPayloadMap, Transaction>({
  service: 'webhooks',
  transport: postgres({ database: fromPglite(database) }),
  sends: ['issues', 'pull_request'],
  logger: {
    debug: () => {},
    warn: (_message, { eventId, handlerName }) => loggedFailures.add(`${eventId} ${handlerName}`),
    error: console.error,
  },
});

// 1. A logger of every event.
const received: string[] = [];
bus.subscribeAll(({ name }) => received.push(name), { name: 'logger' });

// 2. An audit trail, in the transaction of the publisher.
bus.subscribeAll((_event, context) => writeAuditRow(context), { name: 'audit' });

// 3. What is open, from two events with typed payloads.
const open = new Set<string>();
const track = (action: string, url: string) => (action === 'closed' ? open.delete(url) : open.add(url));
bus.subscribe('issues', function trackIssue({ action, issue }) {
  track(action, issue.html_url);
});
bus.subscribe('pull_request', function trackPullRequest({ action, pull_request }) {
  track(action, pull_request.html_url);
});

// 4. A mail for every issue and pull request, by a server that fails on purpose for every fifth.
let mails = 0;
const sendMail = async () => {
  mails++;
  if (mails % 5 === 0) throw new Error('451 try again later');
};
bus.subscribe('issues', sendMail);
bus.subscribe('pull_request', sendMail);

// 5. A ticket for every issue and pull request, exactly once. Another service opens it, after the transaction has committed.
const triage = await startTriage(database);

const publishInTransaction = (event: EventOf<EventPayloadMap>, metadata: Metadata): Promise<PublishResult> =>
  database.transaction((session) => publishEvent(bus, event, { metadata, session }));

const total = definitions.reduce((sum, { examples }) => sum + examples.length, 0);
const deliveries = new Map<string, string>();
const failures: string[] = [];
let handlersRun = 0;
for (const { name, examples } of definitions) {
  for (const example of examples) {
    const delivery = `delivery-${deliveries.size + 1}`;
    // The compiler cannot know which payloads a JSON file holds.
    const event = { name, payload: example } as EventOf<EventPayloadMap>;
    const result = await publishInTransaction(event, { delivery, ip_address: '192.30.252.1' });
    deliveries.set(result.id, delivery);
    handlersRun += result.handlerCount;
    failures.push(...result.failures.map(({ handlerName }) => `${result.id} ${handlerName}`));
    if (deliveries.size % 47 === 0) console.log(`${deliveries.size} of ${total} events, now ${name}`);
  }
}
const expectedTickets = received.filter((name) => name === 'issues' || name === 'pull_request').length;
await triage.waitForTickets(expectedTickets);
await triage.close();
await bus.close();

const tickets = await triage.tickets();
const auditRows = await countAuditRows(database, deliveries);
await database.close();
const failuresInLog = failures.filter((failure) => loggedFailures.has(failure)).length;

console.log(`\n${definitions.length} event names\n`);
console.log(
  table({
    'events published': deliveries.size,
    'events received': received.length,
    'handlers run': handlersRun,
    'handlers failed': failures.length,
    'failures in the log': failuresInLog,
    'audit rows found': auditRows,
    'mails sent': mails - failures.length,
    'issues and pull requests open': open.size,
    'tickets opened': tickets.length,
    'tickets opened twice': tickets.length - new Set(tickets).size,
    'attempts that failed': triage.counts.failed,
    'crashes of the other service': triage.counts.crashes,
  }),
);
console.log(`\nMost frequent events\n\n${barChart(received, 10)}`);

const isRight =
  deliveries.size === total &&
  received.length === total &&
  auditRows === total &&
  failures.length > 0 &&
  failuresInLog === failures.length &&
  loggedFailures.size === failures.length &&
  tickets.length === expectedTickets &&
  new Set(tickets).size === expectedTickets &&
  tickets.every((id) => deliveries.has(id)) &&
  triage.counts.failed > 0 &&
  triage.counts.crashes === 1;
if (!isRight) {
  console.error('\nThe numbers do not agree.');
  process.exitCode = 1;
}

// What consumers get of ten maps of others. Compiled by scripts/typescript-matrix.ts.
import type { EventInfo } from 'mapbus';
import { createServiceBus, memory, type Received, type ServiceBusOptions } from 'mapbus/service';
import type { Events as AwsLambda } from './aws-lambda.js';
import type { Events as CloudEvents } from './cloud-events.js';
import type { Events as Discord } from './discord.js';
import type { Events as HtmlElement } from './html-element.js';
import type { Events as NodeProcess } from './node-process.js';
import type { Events as Octokit } from './octokit.js';
import type { Events as Slack } from './slack.js';
import type { Events as SocketIo } from './socket-io.js';
import type { Events as Stripe } from './stripe.js';
import type { Events as Window } from './window.js';

type Equal<A, B> = (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : false;
const is = <_Statement extends true>() => {};

/** The names that a service bus can send. */
type Sent<Events extends object> = ServiceBusOptions<Events>['sends'] extends infer Sends
  ? Sends extends readonly (infer Name)[]
    ? Extract<keyof Events, Name>
    : never
  : never;
/** The names for which a handler of `subscribe` does not serve `consume`, or the other way round. */
type Changed<Events> = {
  [Name in keyof Events]: [Events[Name], Received<Events[Name]>] extends [Received<Events[Name]>, Events[Name]]
    ? never
    : Name;
}[keyof Events];

const options = { service: 'maps', transport: memory() };

// JSON keeps all of these.
is<Equal<Sent<Discord>, keyof Discord>>();
is<Equal<Changed<Discord>, never>>();
const discord = createServiceBus<Discord>({ ...options, sends: 'all' });
const greet = ({ user }: Discord['GUILD_MEMBER_ADD'], { id }: EventInfo) => `${id} ${user.username}`;
discord.subscribe('GUILD_MEMBER_ADD', greet);
discord.consume('GUILD_MEMBER_ADD', 'greet', greet);

is<Equal<Sent<Slack>, keyof Slack>>();
// But for one message, whose `subtype` is `undefined`: with exactOptionalPropertyTypes that is not the same as left out.
is<Equal<Exclude<Changed<Slack>, 'message'>, never>>();
const slack = createServiceBus<Slack>({ ...options, sends: 'all' });
const answer = ({ text }: Slack['app_mention'], { id }: EventInfo) => `${id} ${text}`;
slack.subscribe('app_mention', answer);
slack.consume('app_mention', 'answer', answer);

is<Equal<Sent<Octokit>, keyof Octokit>>();
is<Equal<Changed<Octokit>, never>>();
const octokit = createServiceBus<Octokit>({ ...options, sends: 'all' });
const build = ({ commits }: Octokit['push'], { id }: EventInfo) => [id, commits.length];
octokit.subscribe('push', build);
octokit.consume('push', 'build', build);

// JSON leaves members out that are undefined in one of these.
is<Equal<Sent<AwsLambda>, keyof AwsLambda>>();
is<Equal<Changed<AwsLambda>, 'apiGateway'>>();
const awsLambda = createServiceBus<AwsLambda>({ ...options, sends: 'all' });
const store = ({ Records }: AwsLambda['s3'], { id }: EventInfo) => Records.map(({ s3 }) => [id, s3.object.key]);
awsLambda.subscribe('s3', store);
awsLambda.consume('s3', 'store', store);
awsLambda.consume('apiGateway', 'route', ({ path, requestContext }) => [path, requestContext.authorizer]);

// A decimal number of Stripe has a `toJSON`.
is<Equal<Sent<Stripe>, keyof Stripe>>();
type Kept = 'account.application.authorized' | 'account.application.deauthorized' | 'balance.available';
is<Equal<Extract<Changed<Stripe>, 'price.created' | Kept>, 'price.created'>>();
const stripe = createServiceBus<Stripe>({ ...options, sends: 'all' });
stripe.consume('price.created', 'show', ({ data }) =>
  is<Equal<typeof data.object.unit_amount_decimal, string | null>>(),
);
const balance = ({ data }: Stripe['balance.available'], { id }: EventInfo) => [id, data.object.available[0]?.amount];
stripe.subscribe('balance.available', balance);
stripe.consume('balance.available', 'balance', balance);

// Of a CloudEvent, there is what its `toJSON` says.
is<Equal<Sent<CloudEvents>, keyof CloudEvents>>();
is<Equal<Changed<CloudEvents>, keyof CloudEvents>>();
const cloudEvents = createServiceBus<CloudEvents>({ ...options, sends: 'all' });
cloudEvents.consume('order.placed', 'bill', ({ data }) => is<Equal<typeof data, unknown>>());

// Errors, workers and promises stay in the process.
is<
  Equal<
    Exclude<keyof NodeProcess, Sent<NodeProcess>>,
    'rejectionHandled' | 'uncaughtException' | 'uncaughtExceptionMonitor' | 'unhandledRejection' | 'warning' | 'worker'
  >
>();
const nodeProcess = createServiceBus<NodeProcess>({ ...options, sends: ['exit', 'SIGTERM'] });
const stop = ([code]: NodeProcess['exit'], { id }: EventInfo) => [id, code];
nodeProcess.subscribe('exit', stop);
nodeProcess.consume('exit', 'stop', stop);
// @ts-expect-error: an Error
nodeProcess.consume('uncaughtException', 'report', () => {});

is<Equal<Sent<SocketIo>, 'disconnect'>>();
const socketIo = createServiceBus<SocketIo>({ ...options, sends: ['disconnect'] });
const leave = (reason: SocketIo['disconnect'], { id }: EventInfo) => [id, reason];
socketIo.subscribe('disconnect', leave);
socketIo.consume('disconnect', 'leave', leave);
// @ts-expect-error: a socket
socketIo.consume('connect', 'greet', () => {});

// Events of the DOM have functions.
is<Equal<Sent<Window>, never>>();
is<Equal<Sent<HtmlElement>, never>>();
const elements = createServiceBus<HtmlElement>({ ...options, sends: [] });
elements.subscribe('click', ({ clientX }) => clientX);
// @ts-expect-error: functions
elements.consume('click', 'count', () => {});
interface WithElements extends HtmlElement {
  'order.placed': { orderId: string; at: Date };
}
const mixed = createServiceBus<WithElements>({ ...options, sends: ['order.placed'] });
mixed.consume('order.placed', 'mail', ({ at }) => at.length);

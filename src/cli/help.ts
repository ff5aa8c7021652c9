/** Texts of `--help`. */
export const ABOUT = 'Look after the events of services on RabbitMQ, Kafka or Postgres.';

export const AFTER = `
Environment:
  EVENT_BUS_URL  the URL of the broker; --url comes before it, and shows in lists of processes
  NO_COLOR       no colours

Exit codes:
  0    done
  1    something went wrong, or not all was done
  2    the command, an option or the URL is wrong, or the package of a client is missing
  3    plan: what is at the broker differs
  4    the broker cannot be reached, or refuses the credentials
  130  interrupted by Ctrl-C, 143 by a signal to end
  141  nobody reads the output any more

Examples:
  $ mapbus dead-letters list --service billing --older-than 1h
  $ mapbus dead-letters redrive --service billing --consumer charge-card
  $ mapbus consumers list --service billing --orphans
  $ mapbus plan ./consumers.js --service billing
  $ mapbus tail 'order.*'
  $ echo '{"orderId":"o-1"}' | mapbus publish order.placed
`;

const FILTERS = `
Letters fit all filters that are given. A name of an event may have * for any characters.
`;

export const LIST_AFTER = `${FILTERS}
Looking changes nothing. --json gives { letters, next }: pass next as --after.

Examples:
  $ mapbus dead-letters list --service billing --event 'order.*' --reason handler_failed
  $ mapbus dead-letters list --service billing --event-id 01a21936-ec1b-753f-88fc-08087a014a1f
  $ mapbus dead-letters list --service billing --json | jq -r '.letters[].ref'
`;

export const SHOW_AFTER = `
Examples:
  $ mapbus dead-letters show 481495af-2f6b-4c54-8eb7-3a581912a52b --service billing
  $ mapbus dead-letters show 481495af-2f6b-4c54-8eb7-3a581912a52b --service billing --body \\
      | mapbus publish --cloud-event
`;

export const REDRIVE_AFTER = `${FILTERS}
Each letter goes to its consumer as a first attempt, and to no other consumer. What dies
again while the command runs is a new letter, and is left alone. Ctrl-C ends it after the
letters in hand: each letter is redriven or still there. Run it again for the rest.

Examples:
  $ mapbus dead-letters redrive --service billing --consumer charge-card --dry-run
  $ mapbus dead-letters redrive --service billing --all
  $ mapbus dead-letters redrive 481495af-2f6b-4c54-8eb7-3a581912a52b --service billing
`;

export const DISCARD_AFTER = `${FILTERS}
What is discarded is gone: --yes is needed, or --dry-run. Ctrl-C ends it after the letters in
hand: each letter is discarded or still there.

Examples:
  $ mapbus dead-letters discard --service billing --older-than 30d --dry-run
  $ mapbus dead-letters discard --service billing --older-than 30d --yes
`;

export const CONSUMERS_AFTER = `
STATE is running, or orphan for a consumer that gets events and that no process runs.
WAITING is the length of its queues on RabbitMQ, its lag on Kafka, its rows on Postgres.

Examples:
  $ mapbus consumers list --service billing
  $ mapbus consumers list --service billing --orphans --json
`;

export const REMOVE_AFTER = `
A consumer that a process runs is not removed. Its dead letters are kept. What waits for it
is gone: --yes is needed, or --dry-run. After Ctrl-C, run the command again.

Examples:
  $ mapbus consumers remove old-report --service billing --dry-run
  $ mapbus consumers remove old-report --service billing --yes
`;

export const PLAN_AFTER = `
The module exports a function that registers the consumers on the bus that it is given. It
may export "options" as well: service, namespace, sends and consumers of createServiceBus.
No handler is called, and nothing is made at the broker.

  // consumers.js
  export const options = { service: 'billing', sends: ['invoice.paid'] };
  export default (bus) => {
    bus.consume('order.placed', 'charge-card', chargeCard);
  };

A line begins with = for what is there, + for what is missing, ~ for what differs, and - for
what is there and not in the plan. With a difference, the exit code is 3.

Examples:
  $ mapbus plan ./consumers.js
  $ mapbus plan ./consumers.js --offline
`;

export const TAIL_AFTER = `
Without a name, all events are shown. It takes no event from a consumer, and makes nothing
that stays. It shows what is published from now on; after a cut it may miss some. On Postgres
a pattern shows the names that a consumer has; a name shows all events of that name.

Examples:
  $ mapbus tail
  $ mapbus tail order.placed 'invoice.*' --json | jq .data
  $ mapbus tail order.placed --limit 1
`;

export const PUBLISH_AFTER = `
The payload is JSON, in a file or on standard input. Nothing at all is an event without a
payload. All consumers of the event get it.

Examples:
  $ echo '{"orderId":"o-1"}' | mapbus publish order.placed
  $ mapbus publish order.placed order.json --key o-1
  $ mapbus publish --cloud-event event.json
`;

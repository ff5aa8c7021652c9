import { describe, expect, it, vi } from 'vitest';
import { stopOne } from '../support.ts';
import {
  after,
  connect,
  DEAD,
  DONE,
  dataOf,
  kinds,
  lettersOf,
  membersOf,
  messageOf,
  openAdmin,
  range,
  receive,
  retryOf,
  send,
  sendAll,
  specOf,
  unique,
  until,
} from './tools.ts';

const createGate = () => {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
};

describe.each(kinds)('processes and their groups, over %s', () => {
  it('a handler that hangs holds up neither another consumer nor one that comes later', async () => {
    const [service, name, other] = [unique('s'), unique('e'), unique('e')];
    const { connection } = await connect(service);
    const gate = createGate();
    let hanging = 0;
    await receive(connection, specOf('hang', name, { concurrency: 2 }), async () => {
      hanging++;
      await gate.opened;
      return DONE;
    });
    await sendAll(connection, name, range(20));
    await until('the hanging handlers', () => hanging === 2);

    const seen = new Set<unknown>();
    await receive(connection, specOf('late', other), async (delivery) => {
      seen.add(dataOf(delivery));
      return DONE;
    });
    await sendAll(connection, other, range(20));

    await until('the events of the late consumer', () => seen.size === 20, 5_000);
    gate.open();
  });

  it('close during a rejoin leaves no member behind', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const admin = await openAdmin();
    const stays = await connect(service);
    await receive(stays.connection, specOf('read', name), async () => DONE);
    for (const _ of range(5)) {
      const { connection } = await connect(service, { sessionTimeoutMs: 30_000 });
      await connection.declare([specOf('read', name)]);
      // It is not awaited: the process closes while the members join.
      const consuming = connection.consume(specOf('read', name), async () => DONE);
      await after(Math.random() * 300);
      await connection.close();
      await consuming.catch(() => {});
    }

    await until('one member', async () => (await membersOf(admin, service, 'read')).length === 1, 10_000);
  });

  it('close leaves the group at once, so that another process has all events at once', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const admin = await openAdmin();
    const { connection } = await connect(service, { sessionTimeoutMs: 30_000 });
    await receive(connection, specOf('read', name), async () => DONE);

    await connection.close();

    expect(await membersOf(admin, service, 'read')).toEqual([]);
  });

  it('close does not wait for a retry that waits, and the retry comes later', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const spec = specOf('read', name, { retryDelaysMs: [3_000] });
    const first = await connect(service);
    let failures = 0;
    await receive(first.connection, spec, async ({ attempt }) => {
      failures++;
      return retryOf(attempt + 1, 3_000);
    });
    await send(first.connection, messageOf(name, 1));
    await until('the failure', () => failures === 1);
    await after(200);

    const startedAt = performance.now();
    await first.connection.close();
    const closedMs = performance.now() - startedAt;

    const attempts: number[] = [];
    const second = await connect(service);
    await receive(second.connection, spec, async ({ attempt }) => {
      attempts.push(attempt);
      return DONE;
    });
    await until('the retry', () => attempts.length > 0);
    expect(closedMs).toBeLessThan(1_500);
    expect(attempts).toEqual([2]);
  });

  it('a consumer that has stopped leaves nothing behind', async () => {
    const { connection } = await connect(unique('s'));
    const spec = specOf('read', unique('e'));
    const isCollected = await stopOne((deliver) => receive(connection, spec, deliver));

    await until('the end of its handler', isCollected);
  });

  it('members with different event names get the events of their own names, all of them', async () => {
    const [service, before, added] = [unique('s'), unique('e'), unique('e')];
    const old = await connect(service);
    const renewed = await connect(service);
    const seen = new Map<string, Set<unknown>>([
      ['old', new Set()],
      ['new', new Set()],
    ]);
    const note = (process: string) => async (delivery: Parameters<typeof dataOf>[0]) => {
      seen.get(process)?.add(dataOf(delivery));
      return DONE;
    };
    await receive(old.connection, specOf('read', before), note('old'));
    await receive(renewed.connection, specOf('read', before, { names: [before, added] }), note('new'));

    await sendAll(
      old.connection,
      added,
      range(30).map((n) => `added ${n}`),
    );
    await sendAll(
      old.connection,
      before,
      range(30).map((n) => `before ${n}`),
    );

    await until('60 events', () => new Set([...seen.values()].flatMap((set) => [...set])).size === 60);
    expect([...(seen.get('old') ?? [])].filter((data) => String(data).startsWith('added'))).toEqual([]);
  });

  it('an event that kills its process takes no other one along', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const seen = new Set<unknown>();
    const first = await connect(service);
    const handle = (process: typeof first) => async (delivery: Parameters<typeof dataOf>[0]) => {
      if (dataOf(delivery) === 'deadly') process.process.freeze();
      else seen.add(dataOf(delivery));
      if (dataOf(delivery) === 'deadly') await new Promise(() => {});
      return DONE;
    };
    await receive(first.connection, specOf('read', name), handle(first));
    const { connection: writer } = await connect('writer');

    await Promise.all(
      [...range(9), 'deadly', ...range(9).map((n) => n + 9)].map((data) => send(writer, messageOf(name, data))),
    );
    await after(500);
    const second = await connect(service);
    await receive(second.connection, specOf('read', name), handle(second));

    await until('the others', () => seen.size === 18);
    expect(await lettersOf(writer)).toEqual([]);
  });

  it('a process that is frozen for longer than its session repeats only what it had in hand, when it is thawed', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const counts = new Map<unknown, number>();
    const note = async (delivery: Parameters<typeof dataOf>[0]) => {
      counts.set(dataOf(delivery), (counts.get(dataOf(delivery)) ?? 0) + 1);
      await after(1);
      return DONE;
    };
    const frozen = await connect(service, { commitIntervalMs: 500 });
    const other = await connect(service, { commitIntervalMs: 500 });
    const { connection: writer } = await connect('writer');
    for (const { connection } of [frozen, other]) await receive(connection, specOf('read', name), note);
    await sendAll(writer, name, range(1_000));
    await until('the first events', () => counts.size >= 500);

    frozen.process.freeze();
    await sendAll(
      writer,
      name,
      range(3_000).map((n) => n + 1_000),
    );
    await until('all events', () => counts.size === 4_000);
    frozen.process.thaw();
    await sendAll(
      writer,
      name,
      range(1_000).map((n) => n + 4_000),
    );
    await until('the events after the thaw', () => counts.size === 5_000);
    await after(1_000);

    // What it had handled since its last commit, and what was in its hands.
    const twice = [...counts.values()].reduce((sum, count) => sum + count - 1, 0);
    expect(twice).toBeLessThan(1_000);
    const twiceFrom = (from: number, to: number) =>
      [...counts].filter(([data, count]) => Number(data) >= from && Number(data) < to && count > 1).length;
    // Nothing of what the other process has handled meanwhile.
    expect(twiceFrom(1_000, 4_000)).toBe(0);
    // What was in hand at the rebalance after the thaw.
    expect(twiceFrom(4_000, 5_000)).toBeLessThanOrEqual(20);
  });

  it('a process that was thrown out of its group repeats nothing of what another one has handled since', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const admin = await openAdmin();
    const counts = new Map<unknown, number>();
    const note = async (delivery: Parameters<typeof dataOf>[0]) => {
      counts.set(dataOf(delivery), (counts.get(dataOf(delivery)) ?? 0) + 1);
      return DONE;
    };
    // Its heartbeats would tell it only after three seconds.
    const thrownOut = await connect(service, { sessionTimeoutMs: 30_000 });
    await receive(thrownOut.connection, specOf('read', name), note);
    const [member = ''] = await membersOf(admin, service, 'read');
    const other = await connect(service);
    await receive(other.connection, specOf('read', name), note);
    await sendAll(other.connection, name, range(300));
    await until('the first events', () => counts.size === 300);
    await after(300);

    const group = `mapbus.${service}.read`;
    await admin.removeMembersFromConsumerGroup({ groupId: group, members: [{ memberId: member }] });
    await sendAll(
      other.connection,
      name,
      range(300).map((n) => n + 300),
    );
    await until('the events of the other process', () => counts.size === 600);
    await until('both members', async () => (await membersOf(admin, service, 'read')).length === 2);
    await sendAll(
      other.connection,
      name,
      range(300).map((n) => n + 600),
    );
    await until('all events', () => counts.size === 900);
    await after(1_000);

    const twiceFrom = (from: number, to: number) =>
      [...counts].filter(([data, count]) => Number(data) >= from && Number(data) < to && count > 1).length;
    // Until its first commit fails, it does not know.
    expect([...counts.values()].filter((count) => count > 2)).toEqual([]);
    expect([twiceFrom(0, 300), twiceFrom(600, 900)]).toEqual([0, 0]);
  });

  it('an outcome of a process whose session is over by its own clock has no effect', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const gate = createGate();
    const signals: AbortSignal[] = [];
    const { connection, process } = await connect(service);
    await receive(connection, specOf('read', name), async ({ signal }) => {
      signals.push(signal);
      await gate.opened;
      return DEAD;
    });
    await send(connection, messageOf(name, 1));
    await until('the event', () => signals.length === 1);

    process.freeze();
    await until('the abort', () => signals[0]?.aborted === true, 5_000);
    gate.open();
    process.thaw();

    await until('the event again', () => signals.length === 2);
    await until('its dead letter', async () => (await lettersOf(connection)).length > 0);
    await after(500);
    expect(await lettersOf(connection)).toHaveLength(1);
  });

  it('two processes with one instance id both work, and it is reported', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const processes = [await connect(service, { instanceId: 'one' }), await connect(service, { instanceId: 'one' })];
    const seen = new Set<unknown>();
    for (const { connection } of processes)
      await receive(connection, specOf('read', name), async (delivery) => {
        seen.add(dataOf(delivery));
        return DONE;
      });
    const admin = await openAdmin();
    await until('two members', async () => (await membersOf(admin, service, 'read')).length === 2);

    await sendAll(processes[0]?.connection as never, name, range(50));

    await until('50 events', () => seen.size === 50);
    expect(processes.flatMap(({ logged }) => logged('event_transport_trouble')).length).toBeGreaterThan(0);
  });

  it('a process that is started again under its instance id goes on at once, although it has not left', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const options = { instanceId: 'pod-1', sessionTimeoutMs: 30_000 };
    const first = await connect(service, options);
    await receive(first.connection, specOf('read', name), async () => DONE);
    first.process.freeze();
    const seen: unknown[] = [];

    const startedAt = performance.now();
    const second = await connect(service, options);
    await receive(second.connection, specOf('read', name), async (delivery) => {
      seen.push(dataOf(delivery));
      return DONE;
    });
    await send(second.connection, messageOf(name, 1));

    await until('the event', () => seen.length > 0);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  it('a clock that jumps neither ends a membership nor holds a retry back', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const attempts: number[] = [];
    const { connection, lines } = await connect(service);
    const now = Date.now;
    const jump = vi.spyOn(Date, 'now').mockImplementation(() => now() + 3_600_000);
    await receive(connection, specOf('read', name, { retryDelaysMs: [500] }), async ({ attempt }) => {
      attempts.push(attempt);
      // Its time was written by a clock that is an hour ahead.
      if (attempt === 1) setTimeout(() => jump.mockRestore(), 100);
      return attempt === 1 ? retryOf(2, 500) : DONE;
    });

    await send(connection, messageOf(name, 1));

    await until('the retry', () => attempts.includes(2), 10_000);
    expect(attempts).toEqual([1, 2]);
    expect(lines).toEqual([]);
  });
});

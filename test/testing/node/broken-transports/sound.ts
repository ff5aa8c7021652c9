import { memory } from 'mapbus/service';
import type { ContractSetup } from 'mapbus/testing';
import type { Connection, Delivery, Message, Outcome, Receiving, Transport } from 'mapbus/transport';

interface Open {
  readonly abort: () => void;
  readonly giveBack: () => void;
}

/** What a process holds, and what ends it. */
interface Held {
  readonly open: Set<Open>;
  readonly receivings: Set<Receiving>;
}

/** Offers all that a clause can use. */
type SoundSetup = { readonly [Member in keyof ContractSetup]-?: NonNullable<ContractSetup[Member]> };

/** Events that a transaction publishes once it commits. */
interface Session {
  readonly publishes: (() => Promise<unknown>)[];
}

/**
 * `memory()` with all features: it outlives its processes since it is never dropped, its processes can be killed, and it
 * joins a transaction. What is proved to fail is this, with one fault each.
 */
export const createSoundSetup = (): SoundSetup => {
  const hub = memory();
  const heldBy = new Map<Transport, Held>();
  const deliveries = new Map<string, number>();

  const connect = (): Transport => {
    const held: Held = { open: new Set(), receivings: new Set() };
    const transport: Transport = {
      connect: (context) => {
        const inner = hub.connect(context);
        const consume: Connection['consume'] = async (spec, deliver) => {
          const receiving = await inner.consume(spec, (delivery: Delivery) => {
            const key = `${context.service} ${spec.consumer} ${delivery.attempt} ${delivery.body}`;
            const count = (deliveries.get(key) ?? 0) + 1;
            deliveries.set(key, count);
            const controller = new AbortController();
            return new Promise<Outcome>((resolve) => {
              const open: Open = {
                abort: () => controller.abort(new Error('The connection is closed')),
                giveBack: () => {
                  controller.abort(new Error('The process was killed'));
                  end({ is: 'retry', attempt: delivery.attempt, afterMs: 0, error: { name: 'Killed', message: '' } });
                },
              };
              const end = (outcome: Outcome) => {
                held.open.delete(open);
                resolve(outcome);
              };
              held.open.add(open);
              const settled = deliver({ ...delivery, deliveries: count, signal: controller.signal });
              void settled.then((outcome) => {
                if (!held.open.has(open)) return;
                deliveries.delete(key);
                end(outcome);
              });
            });
          });
          held.receivings.add(receiving);
          return receiving;
        };
        const publish: Connection['publish'] = async (message: Message, given) => {
          if (given.session === undefined) return inner.publish(message, given);
          (given.session as Session).publishes.push(() => inner.publish(message, given));
          return {};
        };
        const close = async () => {
          await inner.close();
          for (const { abort } of held.open) abort();
        };
        return { ...inner, features: { ...inner.features, durable: true, enlists: true }, consume, publish, close };
      },
    };
    heldBy.set(transport, held);
    return transport;
  };

  const kill = async (transport: Transport): Promise<void> => {
    const held = heldBy.get(transport);
    await Promise.all([...(held?.receivings ?? [])].map((receiving) => receiving.stop()));
    for (const { giveBack } of held?.open ?? []) giveBack();
  };
  const begin = async () => {
    const session: Session = { publishes: [] };
    const commit = async () => {
      for (const publish of session.publishes) await publish();
    };
    return { session, commit, rollBack: async () => {} };
  };
  const publishForeign = async (name: string, body: Uint8Array, headers: Readonly<Record<string, string | null>>) => {
    const connection = hub.connect({
      service: 'foreign',
      namespace: '',
      sends: 'all',
      publishTimeoutMs: 10_000,
      report: () => {},
    });
    const message = { name, id: 'foreign', source: '/foreign', body, key: undefined, headers };
    await connection.publish(message as unknown as Message, {
      signal: new AbortController().signal,
      session: undefined,
    });
    await connection.close();
  };
  return { connect, kill, begin, publishForeign, timeoutMs: 1_500, quietMs: 30, leaseMs: 20, ownHeaders: ['x-own'] };
};

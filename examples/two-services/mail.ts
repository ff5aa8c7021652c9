import type { EventBus } from 'mapbus';
import type { AppEvents } from './events.ts';

/** The mail service: welcomes whoever has registered. An event may come twice, a mail goes once. */
export const createMail = ({ publish, subscribe }: EventBus<AppEvents>) => {
  const sent = new Map<string, string>();

  subscribe('user.registered', async function sendWelcomeMail({ userId, email }, { metadata }) {
    if (sent.has(userId)) return;
    sent.set(userId, metadata.trace_id ?? '');
    await publish('mail.sent', { userId, to: email }, { metadata });
  });

  return { sent };
};

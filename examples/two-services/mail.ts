import { assertHandled, type EventBus } from 'mapbus';
import type { AppEvents } from './events.ts';

/** The mail service: sends a mail to each new user. An event may come twice, but each user gets one mail. */
export const createMail = ({ publish, subscribe }: EventBus<AppEvents>) => {
  const sent = new Map<string, string>();

  subscribe('user.registered', async function sendWelcomeMail({ userId, email }, context) {
    if (!sent.has(userId)) sent.set(userId, context.metadata.trace_id ?? '');
    // If this fails, the handler fails and is tried again. Without assertHandled the event would be lost.
    assertHandled(await publish('mail.sent', { userId, to: email }, { from: context }));
  });

  return { sent };
};

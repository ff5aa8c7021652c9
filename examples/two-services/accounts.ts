import type { EventBus } from 'mapbus';
import type { AppEvents } from './events.ts';

/** The accounts service: registers users, and learns which of them have their mail. */
export const createAccounts = ({ publish, subscribe }: EventBus<AppEvents>) => {
  const welcomed: string[] = [];
  const waiting = new Map<string, () => void>();

  subscribe('mail.sent', function markWelcomed({ userId }) {
    if (welcomed.includes(userId)) return;
    welcomed.push(userId);
    waiting.get(userId)?.();
  });

  /** Resolves when the user is registered and the mail service has sent the mail. */
  const signUp = async (userId: string, email: string): Promise<void> => {
    const arrived = new Promise<void>((resolve) => waiting.set(userId, resolve));
    const { error } = await publish(
      'user.registered',
      { userId, email },
      { metadata: { trace_id: `sign-up-${userId}` } },
    );
    if (error) throw error;
    await arrived;
  };

  return { signUp, welcomed };
};

/** Why a value is no session: it is the database itself, or it lacks a method of a session. */
export const refuseSession =
  (client: unknown, ...methods: readonly string[]) =>
  (session: unknown): string | undefined => {
    if (session === client) return 'expected the session of a transaction, got the database itself';
    const isSession =
      (typeof session === 'object' || typeof session === 'function') &&
      session !== null &&
      methods.every((method) => typeof Reflect.get(session, method) === 'function');
    return isSession ? undefined : `expected the session of a transaction, with ${methods.join(', ')}`;
  };

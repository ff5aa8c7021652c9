/** The events of both services. */
export interface AppEvents {
  'user.registered': { userId: string; email: string };
  'mail.sent': { userId: string; to: string };
}

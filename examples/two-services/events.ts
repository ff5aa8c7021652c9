/** What the services tell each other. */
export interface AppEvents {
  'user.registered': { userId: string; email: string };
  'mail.sent': { userId: string; to: string };
}

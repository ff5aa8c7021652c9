/** The headers beside a body: which handler a retry is for, and what became of a dead letter. */
export const HANDLER = 'mapbus-handler';
export const ATTEMPT = 'mapbus-attempt';
export const FIRST_FAILED_AT = 'mapbus-first-failed-at';
export const LAST_FAILED_AT = 'mapbus-last-failed-at';
export const SERVICE = 'mapbus-service';
export const REASON = 'mapbus-reason';
export const ERROR_NAME = 'mapbus-error-name';
export const ERROR_MESSAGE = 'mapbus-error-message';

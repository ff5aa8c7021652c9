/**
 * The bus in React: `import { useSubscribe, useLatest } from 'mapbus/react'`.
 * @module
 */

export { useLatest } from './use-latest.ts';
export { type UseSubscribeOptions, useSubscribe } from './use-subscribe.ts';

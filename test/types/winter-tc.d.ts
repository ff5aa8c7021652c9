// The globals that the sources may use: a part of the WinterTC minimum common API. The sources are checked against
// these alone, without the types of Node or the DOM, which proves that they run wherever these exist.
interface AbortSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  throwIfAborted(): void;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

interface AbortController {
  readonly signal: AbortSignal;
  abort(reason?: unknown): void;
}

declare const AbortController: new () => AbortController;
declare const DOMException: new (message: string, name: string) => Error;
declare const setTimeout: (run: (nothing?: undefined) => void, delayMs: number) => number;
declare const clearTimeout: (timer: number | undefined) => void;
declare const console: Record<'debug' | 'warn' | 'error', (...values: unknown[]) => void>;
declare const TextEncoder: new () => {
  encode(text: string): Uint8Array;
  encodeInto(text: string, into: Uint8Array): { written: number };
};
declare const TextDecoder: new (label: string, options: { fatal: boolean }) => { decode(bytes: Uint8Array): string };
declare const crypto: { randomUUID(): string; getRandomValues(words: Uint32Array): Uint32Array };
declare const performance: { now(): number };

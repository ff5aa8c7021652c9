import { toJson } from './plain.ts';
/** What a command reads and writes. */
export interface Io {
  /** Resolves when it is written, or when nobody reads any more. */
  readonly out: (text: string | Uint8Array) => Promise<void>;
  readonly err: (text: string) => void;
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
  readonly hasColour: boolean;
  /** The width of the terminal, in characters. */
  readonly columns: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readInput: () => Promise<string>;
  readonly inIsTerminal: boolean;
  /** Aborted with a `StopReason`. Work in hand is finished then, and nothing more starts. */
  readonly stopped: AbortSignal;
}

/** Writes a line. */
export const line = (io: Io, text: string): Promise<void> => io.out(`${text}\n`);

/** Writes a JSON document for other programs. */
export const document = (io: Io, value: unknown): Promise<void> => line(io, toJson(value, 2) ?? 'null');

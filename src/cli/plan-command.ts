import type { Connection, PlanEntry } from '../transport/index.ts';
import { codeOfStop, EXIT } from './exit-codes.ts';
import { document, type Io, line } from './io.ts';
import { operatorOf } from './open.ts';
import { countOf, plain } from './plain.ts';
import { type PlanModule, specsOf } from './plan-module.ts';

const SIGNS: Readonly<Record<PlanEntry['is'], string>> = { present: '=', missing: '+', different: '~', unplanned: '-' };
/** Green, yellow and red, as differences are shown elsewhere. */
const COLOURS: Readonly<Record<PlanEntry['is'], string>> = {
  present: '',
  missing: '32',
  different: '33',
  unplanned: '31',
};

const shown = ({ hasColour }: Io, { what, is, detail }: PlanEntry): string => {
  const text = plain(`${SIGNS[is]} ${what}${detail === undefined ? '' : `  (${detail})`}`);
  return hasColour && COLOURS[is] ? `\u001b[${COLOURS[is]}m${text}\u001b[39m` : text;
};

export interface PlanOptions {
  readonly service: string;
  readonly offline: boolean;
  readonly json: boolean;
}

/** Says what has to exist at the broker, and what differs. */
export const plan = async (
  io: Io,
  connection: Connection,
  module: PlanModule,
  { service, offline, json }: PlanOptions,
): Promise<number> => {
  const specs = await specsOf(module, service, connection);
  if (offline) {
    const lines = connection.plan?.(specs) ?? [];
    if (json) await document(io, { lines });
    else for (const each of lines) await line(io, each);
    return EXIT.done;
  }
  const entries = await operatorOf(connection).compare(specs);
  const stop = codeOfStop(io.stopped);
  if (stop !== undefined) return stop;
  const numberOf = (is: PlanEntry['is']) => entries.filter((entry) => entry.is === is).length;
  const [missing, different, unplanned] = [numberOf('missing'), numberOf('different'), numberOf('unplanned')];
  if (json) await document(io, { entries, missing, different, unplanned });
  else {
    for (const entry of entries) await line(io, shown(io, entry));
    await line(
      io,
      `${countOf(specs.length, 'consumer')}. Missing: ${missing}, different: ${different}, not planned: ${unplanned}.`,
    );
  }
  return missing + different + unplanned > 0 ? EXIT.differs : EXIT.done;
};

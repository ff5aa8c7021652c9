import type { Tables } from './tables.ts';

/** Whether a process could take something now, of some consumers. */
export const isDueStatement = ({ delivery }: Tables): string => `
SELECT (EXISTS (SELECT FROM ${delivery} d WHERE d.consumer = ANY($1::text::int[]) AND d.taken_until <= now()
  AND (d.parked_until IS NULL OR d.parked_until <= now())
  AND (d.key_hash IS NULL OR NOT EXISTS (SELECT FROM ${delivery} o WHERE o.consumer = d.consumer
    AND o.key_hash = d.key_hash AND o.taken_until > now()))))::text AS due`;

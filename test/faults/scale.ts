/** The full size by `FAULT_SCALE=1`, which `npm run test:faults` sets; a tenth of it otherwise. */
const scale = Number(process.env.FAULT_SCALE ?? 0.1);

export const scaled = (size: number): number => Math.max(1, Math.round(size * scale));
export const isFullSize = scale >= 1;

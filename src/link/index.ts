/**
 * Events to other tabs, workers, frames and processes: `import { link } from 'mapbus/link'`.
 * @module
 */
export {
  type Frame,
  type FramePort,
  type FrameWindow,
  offerPort,
  type RequestPortOptions,
  requestPort,
} from './frames.ts';
export { link } from './link.ts';
export type * from './types.ts';

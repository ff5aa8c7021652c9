import { useLatest } from 'mapbus/react';
import { isHolding } from './state.ts';

/** Shows which tab has the stream. */
export const Connection = () => {
  const holds = useLatest(isHolding);
  return (
    <footer data-holds={holds}>
      <span className={holds ? 'dot live' : 'dot'} />
      {holds ? 'This tab has the stream, and tells the others.' : 'Another tab has the stream, and tells this one.'}
    </footer>
  );
};

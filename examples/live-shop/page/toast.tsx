import { useSubscribe } from 'mapbus/react';
import { useState } from 'react';
import { type Order, shortId } from '../events.ts';
import { bus } from './bus.ts';

/** Shows the last change of an order for a moment. The style sheet takes it away. */
export const Toast = () => {
  const [order, setOrder] = useState<Order>();
  useSubscribe(bus, 'order.changed', (changed) => setOrder(changed));
  return (
    <output aria-live="polite">
      {order && (
        <span key={`${order.id} ${order.status}`} className="toast">
          Order {shortId(order)} is {order.status}
        </span>
      )}
    </output>
  );
};

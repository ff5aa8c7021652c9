import { useLatest } from 'mapbus/react';
import { nameOf, type Order, STATUSES, shortId } from '../events.ts';
import { orders } from './state.ts';

const Steps = ({ status }: Pick<Order, 'status'>) => (
  <span className="steps">
    {STATUSES.map((step) => (
      <span key={step} className={STATUSES.indexOf(step) <= STATUSES.indexOf(status) ? 'step done' : 'step'} />
    ))}
    <span className="status">{status}</span>
  </span>
);

export const Orders = () => {
  const all = useLatest(orders);
  return (
    <section aria-label="Orders" className="panel">
      <h2>Orders</h2>
      {all.length === 0 && <p className="quiet">No orders yet.</p>}
      <ul>
        {all.toReversed().map((order) => (
          <li key={order.id}>
            <span>
              <strong>{shortId(order)}</strong>{' '}
              {order.items.map(({ product, count }) => `${count}\u00a0×\u00a0${nameOf(product)}`).join(', ')}
            </span>
            <Steps status={order.status} />
          </li>
        ))}
      </ul>
    </section>
  );
};

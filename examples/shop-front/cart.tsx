import { useLatest } from 'mapbus/react';
import { bus, cart } from './shop.ts';

export const CartView = () => {
  const { items, before } = useLatest(cart);
  const total = items.reduce((sum, { price }) => sum + price, 0);
  return (
    <section>
      <h2>Cart</h2>
      <ul>
        {items.map((item) => (
          <li key={item.id}>
            {item.name}, {item.price} €
            <button type="button" onClick={() => void bus.publish('item.removed', item)}>
              Remove {item.name}
            </button>
          </li>
        ))}
      </ul>
      <output>Total: {total} €</output>
      <button type="button" disabled={!before} onClick={() => void bus.publish('change.undone')}>
        Undo
      </button>
    </section>
  );
};

import { useLatest } from 'mapbus/react';
import { useState } from 'react';
import { nameOf, totalOf } from '../events.ts';
import { changeCart, placeOrder } from './actions.ts';
import { cart } from './state.ts';

export const Cart = () => {
  const items = useLatest(cart);
  const [trouble, setTrouble] = useState('');
  const order = () =>
    placeOrder().then(
      () => setTrouble(''),
      (error: Error) => setTrouble(`The order was not placed: ${error.message}`),
    );
  return (
    <section aria-label="Cart" className="panel">
      <h2>Cart</h2>
      {items.length === 0 && <p className="quiet">Nothing yet. Choose a product.</p>}
      <ul>
        {items.map(({ product, count }) => (
          <li key={product}>
            <span>{nameOf(product)}</span>
            <span className="count">
              <button type="button" aria-label={`Less ${nameOf(product)}`} onClick={() => changeCart(product, -1)}>
                −
              </button>
              {count}
              <button type="button" aria-label={`More ${nameOf(product)}`} onClick={() => changeCart(product, 1)}>
                +
              </button>
            </span>
          </li>
        ))}
      </ul>
      <p className="total">
        Total <output>{totalOf(items)} €</output>
      </p>
      <button type="button" className="order" disabled={items.length === 0} onClick={() => void order()}>
        Place the order
      </button>
      {trouble && <p role="alert">{trouble}</p>}
    </section>
  );
};

import { useEffect, useState, useSyncExternalStore } from 'react';
import { type Order, products, STATUSES, totalOf } from '../events.ts';
import { bus } from './bus.ts';
import { cart, changeCart, orders, placeOrder } from './state.ts';
import { isHolding, subscribeToHolding } from './stream.ts';

const nameOf = (product: string) => products.find(({ id }) => id === product)?.name ?? product;
const shortId = ({ id }: Order) => id.slice(0, 4);

const Products = () => (
  <section aria-label="Products" className="products">
    {products.map(({ id, name, price, hue }) => (
      <button type="button" key={id} className="product" onClick={() => changeCart(id, 1)}>
        <span className="picture" aria-hidden="true" style={{ background: `hsl(${hue} 55% 48%)` }}>
          {name[0]}
        </span>
        <span className="name">{name}</span>
        <span className="price">{price} €</span>
      </button>
    ))}
  </section>
);

const Cart = () => {
  const items = cart.use();
  const [trouble, setTrouble] = useState('');
  const order = () =>
    placeOrder().then(
      () => setTrouble(''),
      (error: Error) => setTrouble(`The order was not placed: ${error.message}`),
    );
  return (
    <section aria-label="Cart" className="panel">
      <h2>Cart</h2>
      {items.length === 0 && <p className="quiet">Nothing yet. Choose something on the left.</p>}
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

const Steps = ({ status }: Pick<Order, 'status'>) => (
  <span className="steps">
    {STATUSES.map((step) => (
      <span key={step} className={STATUSES.indexOf(step) <= STATUSES.indexOf(status) ? 'step done' : 'step'} />
    ))}
    <span className="status">{status}</span>
  </span>
);

const Orders = () => {
  const all = [...orders.use().values()].reverse();
  return (
    <section aria-label="Orders" className="panel">
      <h2>Orders</h2>
      {all.length === 0 && <p className="quiet">No orders yet.</p>}
      <ul>
        {all.map((order) => (
          <li key={order.id} data-order={order.id}>
            <span>
              <strong>{shortId(order)}</strong>{' '}
              {order.items.map(({ product, count }) => `${count} × ${nameOf(product)}`).join(', ')}
            </span>
            <Steps status={order.status} />
          </li>
        ))}
      </ul>
    </section>
  );
};

/** Shows the last change of an order for a moment. */
const Toast = () => {
  const [text, setText] = useState('');
  useEffect(() => bus.subscribe('order.changed', (order) => setText(`Order ${shortId(order)} is ${order.status}`)), []);
  useEffect(() => {
    const timer = setTimeout(() => setText(''), 3_000);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <output className={text ? 'toast shown' : 'toast'} aria-live="polite">
      {text}
    </output>
  );
};

const Connection = () => {
  const holds = useSyncExternalStore(subscribeToHolding, isHolding);
  return (
    <footer data-holds={holds}>
      <span className={holds ? 'dot live' : 'dot'} />
      {holds ? 'This tab has the stream, and tells the others.' : 'Another tab has the stream, and tells this one.'}
    </footer>
  );
};

export const Shop = () => (
  <>
    <header>
      <h1>Live shop</h1>
      <p>Open this page in a second tab. Both show the same cart and the same orders.</p>
    </header>
    <main>
      <Products />
      <div className="side">
        <Cart />
        <Orders />
      </div>
    </main>
    <Toast />
    <Connection />
  </>
);

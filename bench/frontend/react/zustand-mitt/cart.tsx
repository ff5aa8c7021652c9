import { useCart } from './shop.ts';

export const CartView = () => {
  const { items, past, remove, undo } = useCart();
  const total = items.reduce((sum, { price }) => sum + price, 0);
  return (
    <section>
      <h2>Cart</h2>
      <ul>
        {items.map((item) => (
          <li key={item.id}>
            {item.name}, {item.price} €
            <button type="button" onClick={() => remove(item)}>
              Remove {item.name}
            </button>
          </li>
        ))}
      </ul>
      <output>Total: {total} €</output>
      <button type="button" disabled={past.length === 0} onClick={undo}>
        Undo
      </button>
    </section>
  );
};

import { useCart } from './shop.ts';

const products = [
  { name: 'Tea', price: 4 },
  { name: 'Cake', price: 3 },
  { name: 'Cup', price: 9 },
];

export const Products = () => {
  const add = useCart((cart) => cart.add);
  return (
    <section>
      <h2>Products</h2>
      {products.map((product) => (
        <button key={product.name} type="button" onClick={() => add({ ...product, id: crypto.randomUUID() })}>
          {product.name}, {product.price} €
        </button>
      ))}
    </section>
  );
};

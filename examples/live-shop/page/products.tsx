import { products } from '../events.ts';
import { changeCart } from './actions.ts';

export const Products = () => (
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

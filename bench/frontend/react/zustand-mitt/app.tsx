import { CartView } from './cart.tsx';
import { Products } from './products.tsx';
import { Toasts } from './toasts.tsx';

export const App = () => (
  <main>
    <h1>Shop</h1>
    <Products />
    <CartView />
    <Toasts />
  </main>
);

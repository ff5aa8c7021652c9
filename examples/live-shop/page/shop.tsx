import { Cart } from './cart.tsx';
import { Connection } from './connection.tsx';
import { Orders } from './orders.tsx';
import { Products } from './products.tsx';
import { Toast } from './toast.tsx';

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

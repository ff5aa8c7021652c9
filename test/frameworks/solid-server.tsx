/** @jsxImportSource solid-js */
import { renderToString } from 'solid-js/web';
import type { Shop } from '../generated/frameworks/shop.ts';
import { CartView } from '../generated/frameworks/solid-cart.tsx';

export const render = async (shop: Shop) => renderToString(() => <CartView shop={shop} />);

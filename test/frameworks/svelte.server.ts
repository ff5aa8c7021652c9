import { render as renderComponent } from 'svelte/server';
import CartView from '../generated/frameworks/CartView.svelte';
import type { Shop } from '../generated/frameworks/shop.ts';

export const render = async (shop: Shop) => renderComponent(CartView, { props: { shop } }).body;

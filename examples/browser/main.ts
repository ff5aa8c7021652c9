import { createEventBus } from 'mapbus';
import { mountCart } from './cart.ts';
import type { ShopEvents } from './events.ts';
import { mountHistory } from './history.ts';
import { mountShop } from './shop.ts';

const bus = createEventBus<ShopEvents>();
mountShop(bus);
mountCart(bus);
mountHistory(bus);

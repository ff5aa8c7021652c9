export interface ShopEvents {
  'item.added': { name: string; price: number };
  'cart.cleared': void;
}

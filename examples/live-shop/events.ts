export const STATUSES = ['placed', 'packed', 'shipped'] as const;
export type Status = (typeof STATUSES)[number];

export interface Item {
  readonly product: string;
  readonly count: number;
}

export interface Order {
  readonly id: string;
  readonly userId: string;
  readonly items: readonly Item[];
  readonly total: number;
  readonly status: Status;
}

/** The events of the server. */
export interface ServerEvents {
  /** Somebody has ordered. */
  'order.placed': Order;
  /** An order is packed. */
  'order.packed': Order;
  /** An order is new, or has another status. Browsers get this one. */
  'order.changed': Order;
}

/** The events that go from tab to tab. */
export interface SharedEvents {
  /** The cart, in whichever tab it was changed. */
  'cart.changed': readonly Item[];
  /** From the server. */
  'order.changed': Order;
  /** Some events were missed: ask the server for all orders. */
  'orders.stale': void;
}

/** The events of one tab. */
export interface PageEvents extends SharedEvents {
  /** The page was opened, or has come back by the back button. */
  'page.shown': void;
  /** All orders that this tab knows. */
  'orders.listed': readonly Order[];
  /** Whether this tab has the stream of events. */
  'stream.held': boolean;
}

export interface Product {
  readonly id: string;
  readonly name: string;
  readonly price: number;
  /** The colour of its picture, in degrees. */
  readonly hue: number;
}

export const products: readonly Product[] = [
  { id: 'tea', name: 'Green tea', price: 4, hue: 140 },
  { id: 'cake', name: 'Lemon cake', price: 3, hue: 48 },
  { id: 'honey', name: 'Forest honey', price: 7, hue: 32 },
  { id: 'bread', name: 'Rye bread', price: 5, hue: 22 },
  { id: 'cheese', name: 'Old cheese', price: 9, hue: 12 },
  { id: 'plum', name: 'Plums', price: 2, hue: 265 },
];

export const totalOf = (items: readonly Item[]): number =>
  items.reduce((sum, { product, count }) => sum + count * (products.find(({ id }) => id === product)?.price ?? 0), 0);

export const nameOf = (product: string): string => products.find(({ id }) => id === product)?.name ?? product;

/** What customers see of the id of an order. */
export const shortId = ({ id }: Pick<Order, 'id'>): string => id.slice(0, 4);

import type Stripe from 'stripe';
export type Events = { [Event in Stripe.Event as Event['type']]: Event };

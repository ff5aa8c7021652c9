'use client';
import { createEventBus, latestOf } from 'mapbus';
import { useLatest, useSubscribe } from 'mapbus/react';
import { useState } from 'react';

const bus = createEventBus<{ 'cart.changed': { count: number } }>();
const cart = latestOf(bus, 'cart.changed', { count: 3 });

export const Cart = () => {
  const [changes, setChanges] = useState(0);
  useSubscribe(bus, 'cart.changed', () => setChanges((before) => before + 1));
  return <output>{`${useLatest(cart).count} in the cart, ${changes} changes`}</output>;
};

import { useSubscribe } from 'mapbus/react';
import { useState } from 'react';
import { bus } from './shop.ts';

const SHOWN_MS = 3_000;

export const Toasts = () => {
  const [toasts, setToasts] = useState<readonly { id: string; text: string }[]>([]);
  const show = (text: string) => {
    const id = crypto.randomUUID();
    setToasts((shown) => [...shown, { id, text }]);
    setTimeout(() => setToasts((shown) => shown.filter((toast) => toast.id !== id)), SHOWN_MS);
  };
  useSubscribe(bus, 'item.added', ({ name }) => show(`${name} is in the cart`));
  useSubscribe(bus, 'item.removed', ({ name }) => show(`${name} is out of the cart`));
  return (
    <aside role="status">
      {toasts.map(({ id, text }) => (
        <p key={id}>{text}</p>
      ))}
    </aside>
  );
};

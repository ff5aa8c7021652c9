import { useEffect, useState } from 'react';
import { events, type Item } from './shop.ts';

const SHOWN_MS = 3_000;

export const Toasts = () => {
  const [toasts, setToasts] = useState<readonly { id: string; text: string }[]>([]);
  useEffect(() => {
    const show = (text: string) => {
      const id = crypto.randomUUID();
      setToasts((shown) => [...shown, { id, text }]);
      setTimeout(() => setToasts((shown) => shown.filter((toast) => toast.id !== id)), SHOWN_MS);
    };
    const added = ({ name }: Item) => show(`${name} is in the cart`);
    const removed = ({ name }: Item) => show(`${name} is out of the cart`);
    events.on('item.added', added);
    events.on('item.removed', removed);
    return () => {
      events.off('item.added', added);
      events.off('item.removed', removed);
    };
  }, []);
  return (
    <aside role="status">
      {toasts.map(({ id, text }) => (
        <p key={id}>{text}</p>
      ))}
    </aside>
  );
};

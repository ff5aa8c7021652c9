import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { dataLayer } from './analytics.ts';
import { App } from './app.tsx';

// Where a tag manager looks for it.
Object.assign(globalThis, { dataLayer });

const page = document.getElementById('page');
if (!page) throw new Error('The page has no #page');
createRoot(page).render(
  <StrictMode>
    <App />
  </StrictMode>,
);

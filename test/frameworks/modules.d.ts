/// <reference types="vite/client" />

declare module '*.vue' {
  const component: import('vue').Component;
  export default component;
}

declare module '*.svelte' {
  const component: import('svelte').Component<{ shop: import('../generated/frameworks/shop.ts').Shop }>;
  export default component;
}

// For `npm run shop-front` in a clone: the package comes from its sources.
import { defineConfig } from 'vite';
import { aliasTo } from '../../vitest.alias.ts';

export default defineConfig({ resolve: { alias: aliasTo('src') } });

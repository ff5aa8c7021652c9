import '@angular/compiler';
import { enableProdMode, provideZonelessChangeDetection } from '@angular/core';
import { type BootstrapContext, bootstrapApplication } from '@angular/platform-browser';
import { provideServerRendering, renderApplication } from '@angular/platform-server';
import { CartView, ShopService } from '../generated/frameworks/cart.component.ts';
import type { Shop } from '../generated/frameworks/shop.ts';

enableProdMode();

export const render = (shop: Shop) =>
  renderApplication(
    (context: BootstrapContext) =>
      bootstrapApplication(
        CartView,
        {
          providers: [
            provideZonelessChangeDetection(),
            provideServerRendering(),
            { provide: ShopService, useValue: { shop } },
          ],
        },
        context,
      ),
    { document: '<cart-view></cart-view>', url: '/' },
  );

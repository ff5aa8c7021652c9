import '@angular/compiler';
import { createComponent, provideZonelessChangeDetection } from '@angular/core';
import { createApplication } from '@angular/platform-browser';
import { CartView, ShopService } from '../generated/frameworks/cart.component.ts';
import { createSteps } from './in-page.ts';

export const run = async () => {
  const { page, note, steps } = createSteps();
  const app = await createApplication({ providers: [provideZonelessChangeDetection()] });
  const { bus } = app.injector.get(ShopService).shop;
  const view = createComponent(CartView, { environmentInjector: app.injector });
  page.append(view.location.nativeElement);
  app.attachView(view.hostView);
  await app.whenStable();
  note(bus.handlerCount());
  void bus.publish('item.added', { name: 'Tea' });
  await app.whenStable();
  note(bus.handlerCount());
  view.destroy();
  void bus.publish('item.added', { name: 'Cake' });
  note(bus.handlerCount());
  // A server destroys the application when its page is rendered.
  app.attachView(createComponent(CartView, { environmentInjector: app.injector }).hostView);
  app.destroy();
  if (bus.handlerCount() !== 2) throw new Error(`${bus.handlerCount()} handlers are left`);
  return steps;
};

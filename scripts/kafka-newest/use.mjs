// Preloaded by the processes that the tests start: their client of Kafka is the newest one. Needs Node 22.15.
import { registerHooks } from 'node:module';

const { href: url } = new URL('node_modules/@platformatic/kafka/dist/index.js', import.meta.url);

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === '@platformatic/kafka' ? { url, shortCircuit: true } : next(specifier, context),
});

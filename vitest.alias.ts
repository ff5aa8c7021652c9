import { fileURLToPath } from 'node:url';

const sources: Record<string, string> = {
  mapbus: 'index',
  'mapbus/kafka': 'kafka/index',
  'mapbus/link': 'link/index',
  'mapbus/postgres': 'postgres/index',
  'mapbus/rabbitmq': 'rabbitmq/index',
  'mapbus/react': 'react/index',
  'mapbus/testing': 'testing/index',
  'mapbus/service': 'service/index',
  'mapbus/sse': 'sse/index',
  'mapbus/transport': 'transport/index',
  'mapbus/url': 'url/index',
};

// The transport has to work with the oldest client that it is for and with the newest, which needs Node 24.
const newestKafka = {
  find: /^@platformatic\/kafka$/,
  replacement: fileURLToPath(
    new URL('scripts/kafka-newest/node_modules/@platformatic/kafka/dist/index.js', import.meta.url),
  ),
};
const clients = process.env.KAFKA_CLIENT === 'newest' ? [newestKafka] : [];

/** The tests import the package by its name. Vitest resolves the name to the sources, or to what is published. */
export const aliasTo = (target: 'src' | 'dist') => [
  ...Object.entries(sources).map(([name, source]) => {
    const file = target === 'dist' ? `dist/${name.split('/')[1] ?? 'index'}.js` : `src/${source}.ts`;
    return { find: new RegExp(`^${name}$`), replacement: fileURLToPath(new URL(file, import.meta.url)) };
  }),
  ...clients,
];

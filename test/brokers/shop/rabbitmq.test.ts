import { describe } from 'vitest';
import { testShop, testShopWithOutbox } from '../shop.ts';
import { available } from '../support.ts';

const kinds = await available(['rabbitmq', 'postgres']);
const isThere = kinds.includes('rabbitmq');

describe.runIf(isThere)('the shop over rabbitmq', () => testShop('rabbitmq'));
describe.runIf(isThere && kinds.includes('postgres'))('the shop with Postgres before rabbitmq', () =>
  testShopWithOutbox('rabbitmq'),
);

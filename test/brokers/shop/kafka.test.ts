import { describe } from 'vitest';
import { testShop, testShopWithOutbox } from '../shop.ts';
import { available } from '../support.ts';

const kinds = await available(['kafka', 'postgres']);
const isThere = kinds.includes('kafka');

describe.runIf(isThere)('the shop over kafka', () => testShop('kafka'));
describe.runIf(isThere && kinds.includes('postgres'))('the shop with Postgres before kafka', () =>
  testShopWithOutbox('kafka'),
);

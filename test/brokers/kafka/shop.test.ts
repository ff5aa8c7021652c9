import { describe } from 'vitest';
import { testShop, testShopWithOutbox } from '../shop.ts';
import { available } from '../support.ts';

const [kind, database] = await available(['kafka', 'postgres']);

describe.runIf(kind)('the shop over kafka', () => testShop('kafka'));
describe.runIf(database)('the shop with Postgres before kafka', () => testShopWithOutbox('kafka'));

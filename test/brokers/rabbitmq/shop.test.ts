import { describe } from 'vitest';
import { testShop, testShopWithOutbox } from '../shop.ts';
import { available } from '../support.ts';

const [kind, database] = await available(['rabbitmq', 'postgres']);

describe.runIf(kind)('the shop over rabbitmq', () => testShop('rabbitmq'));
describe.runIf(database)('the shop with Postgres before rabbitmq', () => testShopWithOutbox('rabbitmq'));

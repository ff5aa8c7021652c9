import { describe } from 'vitest';
import { testShop } from '../../brokers/shop.ts';
import { available } from '../../brokers/support.ts';

describe.each(await available(['postgres']))('the shop over %s', testShop);

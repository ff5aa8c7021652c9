import { describe } from 'vitest';
import { testShop } from '../shop.ts';
import { available } from '../support.ts';

describe.each(await available(['kafka']))('the shop over %s', testShop);

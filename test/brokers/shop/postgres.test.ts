import { describe } from 'vitest';
import { testShop } from '../shop.ts';
import { available } from '../support.ts';

describe.each(await available(['postgres']))('the shop over %s', testShop);

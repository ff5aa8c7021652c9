import { expect, it } from 'vitest';
import { licences, refusedLicences } from '../../scripts/licences.ts';

it('all that comes with the package has a licence that puts no condition on its users', () => {
  expect([...licences().keys()]).toEqual(expect.arrayContaining(['uuidv7', 'commander', 'pg', 'rabbitmq-client']));
  expect(refusedLicences()).toEqual([]);
});

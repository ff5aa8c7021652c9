import { expect, it } from 'vitest';
import { resendUntil } from '../../src/old-seam/resend.ts';

it('sends again what has failed, by a rejection or by throwing at once', async () => {
  const { signal } = new AbortController();
  let attempts = 0;
  const sendOnce = (): Promise<void> => {
    attempts++;
    if (attempts === 1) throw new Error('at once');
    return attempts === 2 ? Promise.reject(new Error('later')) : Promise.resolve();
  };

  await resendUntil(signal, sendOnce, () => false);

  expect(attempts).toBe(3);
});

it('rejects with an error that is final, however it comes', async () => {
  const { signal } = new AbortController();
  const error = new Error('refused');
  const throwing = (): Promise<void> => {
    throw error;
  };

  await expect(resendUntil(signal, throwing, () => true)).rejects.toBe(error);
  await expect(
    resendUntil(
      signal,
      () => Promise.reject(error),
      () => true,
    ),
  ).rejects.toBe(error);
});

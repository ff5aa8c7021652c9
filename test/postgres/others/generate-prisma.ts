import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

interface GeneratedClient {
  readonly $queryRawUnsafe: <Result>(text: string, ...values: unknown[]) => Promise<Result>;
  readonly $transaction: <Result>(run: (tx: GeneratedClient) => Promise<Result>, options?: object) => Promise<Result>;
  readonly $disconnect: () => Promise<void>;
}

const SCHEMA = `generator client {
  provider = "prisma-client"
  output = "./generated"
}
datasource db {
  provider = "postgresql"
}
`;

/** Prisma generates its client from a schema. Here that has no models. Gives the client and the folder where it is. */
export const generatePrisma = async (): Promise<{
  readonly folder: string;
  readonly PrismaClient: new (options: object) => GeneratedClient;
}> => {
  const root = fileURLToPath(new URL('../../../', import.meta.url));
  const folder = mkdtempSync(join(root, 'node_modules', '.mapbus-prisma-'));
  writeFileSync(join(folder, 'schema.prisma'), SCHEMA);
  const cli = createRequire(import.meta.url).resolve('prisma/build/index.js');
  // To generate needs no schema engine, and Prisma would download one.
  const env = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, PRISMA_HIDE_UPDATE_MESSAGE: '1' };
  execFileSync(process.execPath, [cli, 'generate', '--schema', join(folder, 'schema.prisma')], {
    cwd: folder,
    env,
    stdio: 'pipe',
  });
  const { PrismaClient } = await import(pathToFileURL(join(folder, 'generated', 'client.ts')).href);
  return { folder, PrismaClient };
};

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { keepOutput } from './keep-output.js';

async function printEverywhere(when: string): Promise<void> {
  console.error(`${when}: console`);
  process.stdout.write(`${when}: stdout\n`);
  process.stderr.write(Buffer.from(`${when}: stderr\n`));
  new Logger('Noise').error(`${when}: Nest`);
  process.emitWarning(`${when}: warning`);
  const child = spawn(process.execPath, ['-e', `console.error('${when}: child')`], { stdio: 'pipe' });
  keepOutput(child.stdout, child.stderr);
  await once(child, 'close');
}

beforeAll(() => printEverywhere('before'));
afterAll(async () => {
  await printEverywhere('after');
  if (process.env.NOISY_FAILS === 'afterAll') throw new Error('as told');
});

it('passes', async () => {
  await printEverywhere('passes');
  expect(1).toBe(1);
});

it('may fail', async () => {
  await printEverywhere('may fail');
  expect(process.env.NOISY_FAILS).not.toBe('test');
});

import { describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expressionsOf } from './support/expressions.js';

const run = promisify(execFile);

describe('Prometheus', () => {
  it('takes the alert rules', async () => {
    expect((await run('promtool', ['check', 'rules', 'grafana/alerts.yml'])).stdout).toContain('SUCCESS');
  });

  it('fires each of them when it should', async () => {
    const { stdout } = await run('promtool', ['test', 'rules', 'test/grafana/alerts.test.yml']);
    expect(stdout).toContain('SUCCESS');
  });

  it('understands each query of the board', async () => {
    const queries = expressionsOf('grafana/board.json').filter((query) => !query.startsWith('label_values'));
    const rules = queries.map((query, index) => ({
      record: `panel_${index}`,
      expr: query.replaceAll('$__rate_interval', '5m'),
    }));
    expect(rules.length).toBeGreaterThan(20);
    const folder = await mkdtemp(join(tmpdir(), 'nestjs-replica-board-'));
    try {
      // YAML understands JSON.
      const file = join(folder, 'board.yml');
      await writeFile(file, JSON.stringify({ groups: [{ name: 'board', rules }] }));
      expect((await run('promtool', ['check', 'rules', file])).stdout).toContain(
        `${rules.length} rules found`,
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

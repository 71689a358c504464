import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { registerReplicaMetrics } from 'nestjs-replica/prometheus';
import { Registry } from 'prom-client';
import { scriptedRouter } from '../support/observability/measured-router.js';
import { expressionsOf } from './support/expressions.js';

/** The metrics of a scrape with the labels that they may have. */
async function scrape(): Promise<Map<string, ReadonlySet<string>>> {
  const registry = new Registry();
  const stop = registerReplicaMetrics(scriptedRouter(), { registry });
  const types = (await registry.metrics()).matchAll(/^# TYPE (\S+) (\S+)$/gm);
  const metrics = new Map<string, ReadonlySet<string>>();
  for (const [, name = '', type] of types) {
    const { labelNames } = registry.getSingleMetric(name) as unknown as { labelNames: string[] };
    const suffixes = type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
    for (const suffix of suffixes)
      metrics.set(name + suffix, new Set([...labelNames, 'job', 'instance', 'le']));
  }
  stop();
  return metrics;
}

describe.each(['grafana/board.json', 'grafana/alerts.yml'])('%s', (path) => {
  it('asks only for metrics and labels that there are', async () => {
    const metrics = await scrape();
    const expressions = expressionsOf(path);
    const all = expressions.join('\n');
    expect(expressions.length).toBeGreaterThan(8);
    const unknown: string[] = [];
    for (const [, name = '', selector = ''] of all.matchAll(/\b(nestjs_replica_\w+)(?:\{([^}]*)\})?/g)) {
      const labels = metrics.get(name);
      if (labels === undefined) unknown.push(name);
      for (const [, label = ''] of selector.matchAll(/(\w+)\s*(?:=~?|!=)/g))
        if (labels?.has(label) === false) unknown.push(`${name}{${label}}`);
    }
    const known = new Set([...metrics.values()].flatMap((labels) => [...labels]));
    for (const [, list = ''] of all.matchAll(/by \(([^)]*)\)/g))
      for (const label of list.split(', ')) if (!known.has(label)) unknown.push(`by (${label})`);
    expect(unknown).toEqual([]);
  });
});

it('has every metric on the board, except those that explain others', async () => {
  const board = readFileSync('grafana/board.json', 'utf8');
  const names = [...(await scrape()).keys()].filter((name) => !board.includes(name));
  expect(names.map((name) => name.replace('nestjs_replica_', ''))).toEqual([
    'node_draining',
    'node_info',
    'discovery_failures_total',
    'foreign_tokens_total',
  ]);
});

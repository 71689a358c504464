// Plays each scenario with each library on a real cluster, and writes the results into docs/orms.md: `npm run docs:orms`.
import { readFileSync, writeFileSync } from 'node:fs';
import { startPostgresCluster, type PostgresCluster } from 'nestjs-replica/testing';
import { OrmStage, ITEMS_SQL } from './orm-stage.js';
import type { OrmUnderTest } from './orm.js';
import { ORMS } from './orms.js';
import { SCENARIOS } from './scenarios.js';

const PAGE = 'docs/orms.md';
const BEGIN = '<!-- table of orms -->';
const END = '<!-- end of the table -->';

async function resultsOf(cluster: PostgresCluster, orm: OrmUnderTest): Promise<readonly string[]> {
  const stage = await OrmStage.open(cluster, orm);
  const results: string[] = [];
  for (const { title, play, isFor } of SCENARIOS.map((it) => ({
    title: it.title,
    play: () => it.play(stage),
    isFor: it.isFor?.(stage.orm) ?? true,
  }))) {
    await cluster.primary.query('UPDATE item SET value = id WHERE value <> id');
    await cluster.waitForCatchUp();
    const outcome = isFor
      ? await play().then(
          () => 'yes',
          (error: unknown) => String(error),
        )
      : '–';
    if (isFor && outcome !== 'yes') process.stderr.write(`${orm.name}: ${title}: ${outcome}\n`);
    results.push(isFor && outcome !== 'yes' ? 'no' : outcome);
  }
  await stage.close();
  return results;
}

const cluster = await startPostgresCluster({ replicas: 2 });
try {
  await cluster.primary.query(ITEMS_SQL);
  await cluster.waitForCatchUp();
  const columns: (readonly string[])[] = [];
  for (const orm of ORMS) columns.push(await resultsOf(cluster, orm));
  const rows = SCENARIOS.map(({ title }, row) => [title, ...columns.map((results) => results[row] ?? '')]);
  const lines = [
    ['it', ...ORMS.map(({ name }) => name)],
    ['', ...ORMS.map(() => '')].map(() => '---'),
    ...rows,
  ];
  const table = lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  const page = readFileSync(PAGE, 'utf8');
  const [before = '', rest = ''] = page.split(BEGIN);
  const [, after = ''] = rest.split(END);
  writeFileSync(PAGE, `${before}${BEGIN}\n\n${table}\n\n${END}${after}`);
} finally {
  await cluster.stop();
}

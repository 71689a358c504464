import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { codeOf } from '../errors/describe-error.js';
import { kindOfFailure } from '../errors/safe-message.error.js';
import { GIVEN_OPTIONS } from '../options/given-options.js';
import type { OptionsOfAnyType } from '../options/typeorm-options.js';
import { CommandError } from './command.error.js';

/** What a file exports as a data source: TypeORM marks each one, whatever copy of TypeORM made it. */
interface ExportedDataSource {
  readonly options: OptionsOfAnyType<never>;
  readonly [GIVEN_OPTIONS]?: () => OptionsOfAnyType<never>;
}

/**
 * The options of the data source that a file exports, as TypeORM's own command line takes it: an ES module or CommonJS, with exactly one
 * `DataSource` or `ReplicaDataSource`, or a promise of one, under any name. It is not connected. Throws a `CommandError`.
 */
export async function optionsOfFile(path: string, cwd: string): Promise<OptionsOfAnyType<never>> {
  const file = resolve(cwd, path);
  if ((await stat(file).catch(() => undefined))?.isFile() !== true)
    throw new CommandError(`--data-source ${path}: there is no such file`);
  const exported = await load(file, path);
  const sources = new Set<ExportedDataSource>();
  for (const value of [exported, ...Object.values(Object(exported) as object)])
    for (const one of [value, (value as { default?: unknown } | undefined)?.default])
      await collect(one, sources, path);
  const [source] = sources;
  if (source === undefined || sources.size > 1)
    throw new CommandError(
      `--data-source ${path}: it has to export exactly one DataSource or ReplicaDataSource, and exports ${sources.size || 'none'}`,
    );
  return source[GIVEN_OPTIONS]?.() ?? source.options;
}

async function collect(value: unknown, sources: Set<ExportedDataSource>, path: string): Promise<void> {
  try {
    const settled = await value;
    if (isDataSource(settled)) sources.add(settled);
  } catch (error) {
    throw new CommandError(`--data-source ${path}: a promise that it exports: ${kindOfFailure(error)}`);
  }
}

function isDataSource(value: unknown): value is ExportedDataSource {
  if (typeof value !== 'object' || value === null) return false;
  return (value as Record<string, unknown>)['@instanceof'] === Symbol.for('DataSource');
}

async function load(file: string, path: string): Promise<unknown> {
  try {
    return await import(pathToFileURL(file).href);
  } catch (error) {
    const isTypeScript = /\.[cm]?ts$/.test(file);
    const remedy = isTypeScript
      ? ' (give the compiled file, or let Node read TypeScript: NODE_OPTIONS="--import tsx")'
      : '';
    throw new CommandError(`--data-source ${path}: ${problemOf(error)}${remedy}`);
  }
}

/** The file is anybody's code, and its errors may quote anything. Node's own name only files and packages. */
function problemOf(error: unknown): string {
  const code = codeOf(error);
  if (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND')
    return (error as Error).message.split('\n')[0] ?? code;
  return kindOfFailure(error);
}

import { AssumptionCheck, type AssumptionFinding, type ServerQuery } from '../execution/assumption-check.js';
import type { ProbeResult } from '../topology/node-probe.js';
import { AURORA_SQL, AURORA_VERSION_SQL, readAurora, type AuroraRow } from './aurora-status.js';

/** How long a reader may take to reach the writer's position; milliseconds. */
const CATCH_UP_MS = 5_000;
const PAUSE_MS = 50;

/**
 * Finds out whether an Aurora PostgreSQL cluster tells what this library relies on. It writes nothing. `reader`: a connection to one
 * reader. Resolves with all findings, the first difference last; an empty list: the writer is not Aurora. Rejects if a connection is lost.
 */
export async function checkAurora(
  writer: ServerQuery,
  reader: ServerQuery,
): Promise<readonly AssumptionFinding[]> {
  const [version] = (await writer(AURORA_VERSION_SQL)) as readonly { readonly aurora: boolean }[];
  if (version?.aurora !== true) return [];
  const check = new AssumptionCheck();
  const written = await check.ask('writer', () => ask(writer));
  const read = await check.ask('reader', () => ask(reader));
  if (written === undefined || read === undefined) return check.findings;
  const areBoth = !written.isReadOnly && read.isReadOnly;
  if (
    check.note(areBoth, 'one connection leads to the writer, the other one to a reader') &&
    check.note(written.position !== undefined, 'the writer tells its durable LSN at this moment') &&
    check.note(read.position !== undefined, 'the reader tells the LSN in which it reads')
  )
    await compare(check, { writer, reader, target: written.position as bigint });
  return check.findings;
}

async function ask(query: ServerQuery): Promise<ProbeResult> {
  return readAurora((await query(AURORA_SQL)) as readonly AuroraRow[]);
}

async function positionOf(query: ServerQuery): Promise<bigint> {
  return (await ask(query)).position ?? 0n;
}

/** Whether the reader reaches what the writer had, and is not ahead of what the writer has afterwards. */
async function compare(
  check: AssumptionCheck,
  {
    writer,
    reader,
    target,
  }: { readonly writer: ServerQuery; readonly reader: ServerQuery; readonly target: bigint },
): Promise<void> {
  const endMs = performance.now() + CATCH_UP_MS;
  let reached = await positionOf(reader);
  while (reached < target && performance.now() < endMs) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    reached = await positionOf(reader);
  }
  check.note(reached >= target, `the reader reaches the writer's LSN within ${CATCH_UP_MS} ms`);
  check.note(reached <= (await positionOf(writer)), "the reader's LSN is never ahead of the writer's");
}

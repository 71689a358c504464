import { AssumptionCheck, type AssumptionFinding, type ServerQuery } from '../execution/assumption-check.js';
import type { ProbeResult } from '../topology/node-probe.js';
import { AURORA_SQL, AURORA_VERSION_SQL, readAurora, type AuroraRow } from './aurora-status.js';

/** The lag below which a reader has to be, and how long it may take to tell one; milliseconds. */
const LITTLE_LAG_MS = 5_000;
const PATIENCE_MS = 5_000;
const PAUSE_MS = 50;

/**
 * Finds out whether an Aurora MySQL cluster tells what this library relies on. It writes nothing. `reader`: a connection to one
 * reader. Resolves with all findings, the first difference last; an empty list: the writer is not Aurora. Rejects if a connection is lost.
 */
export async function checkAurora(
  writer: ServerQuery,
  reader: ServerQuery,
): Promise<readonly AssumptionFinding[]> {
  if ((await writer(AURORA_VERSION_SQL)).length === 0) return [];
  const check = new AssumptionCheck();
  const written = await check.ask('writer', () => ask(writer));
  const read = await check.ask('reader', () => ask(reader));
  if (written === undefined || read === undefined) return check.findings;
  const areBoth = !written.isReadOnly && read.isReadOnly;
  if (check.note(areBoth, 'one connection leads to the writer, the other one to a reader'))
    check.note(
      await isRecent(reader),
      `the reader tells a lag below ${LITTLE_LAG_MS} ms, the age of what it tells included`,
    );
  return check.findings;
}

async function ask(query: ServerQuery): Promise<ProbeResult> {
  const [row] = (await query(AURORA_SQL)) as readonly AuroraRow[];
  if (row === undefined) throw new Error('no answer');
  return readAurora(row).result;
}

/** A time that is told in another time zone looks like a lag of hours. */
async function isRecent(reader: ServerQuery): Promise<boolean> {
  const endMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const { minLagMs = Infinity } = await ask(reader);
    if (minLagMs < LITTLE_LAG_MS || performance.now() > endMs) return minLagMs < LITTLE_LAG_MS;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

import { messageOf } from '../errors/describe-error.js';
import type { ProbeResult } from '../topology/node-probe.js';
import { AURORA_SQL, AURORA_VERSION_SQL, readAurora, type AuroraRow } from './aurora-status.js';

/** Runs SQL on one instance and returns its rows. */
export type AuroraQuery = (sql: string) => Promise<readonly object[]>;

/** One assumption about Aurora, and whether an instance keeps it. */
export interface AuroraFinding {
  readonly isAsAssumed: boolean;
  /** The assumption, or what is different; in words for people. */
  readonly text: string;
}

/** How long a reader may take to reach the writer's position; milliseconds. */
const CATCH_UP_MS = 5_000;
const PAUSE_MS = 50;

/**
 * Finds out whether an Aurora PostgreSQL cluster tells what this library relies on. It writes nothing. `reader`: a connection to one
 * reader. Resolves with all findings, the first difference last; an empty list: the writer is not Aurora. Rejects if a connection is lost.
 */
export async function checkAurora(
  writer: AuroraQuery,
  reader: AuroraQuery,
): Promise<readonly AuroraFinding[]> {
  const [version] = (await writer(AURORA_VERSION_SQL)) as readonly { readonly aurora: boolean }[];
  if (version?.aurora !== true) return [];
  const findings: AuroraFinding[] = [];
  const note = (isAsAssumed: boolean, text: string): boolean => {
    findings.push({ isAsAssumed, text });
    return isAsAssumed;
  };
  const written = await ask(writer, 'writer', note);
  const read = await ask(reader, 'reader', note);
  if (written === undefined || read === undefined) return findings;
  if (
    !note(
      !written.isReadOnly && read.isReadOnly,
      'one connection leads to the writer, the other one to a reader',
    )
  )
    return findings;
  if (!note(written.position !== undefined, 'the writer tells its durable LSN at this moment'))
    return findings;
  if (!note(read.position !== undefined, 'the reader tells the LSN in which it reads')) return findings;
  await compare({ writer, reader, note, target: written.position as bigint });
  return findings;
}

type Note = (isAsAssumed: boolean, text: string) => boolean;

async function ask(query: AuroraQuery, role: string, note: Note): Promise<ProbeResult | undefined> {
  try {
    const result = readAurora((await query(AURORA_SQL)) as readonly AuroraRow[]);
    note(true, `the ${role} tells its own status, and its role fits`);
    return result;
  } catch (error) {
    note(false, `the ${role}: ${messageOf(error)}`);
    return undefined;
  }
}

/** Whether the reader reaches what the writer had, and is not ahead of what the writer has afterwards. */
async function compare({
  writer,
  reader,
  note,
  target,
}: {
  readonly writer: AuroraQuery;
  readonly reader: AuroraQuery;
  readonly note: Note;
  readonly target: bigint;
}): Promise<void> {
  const positionOf = async (query: AuroraQuery): Promise<bigint> =>
    readAurora((await query(AURORA_SQL)) as readonly AuroraRow[]).position ?? 0n;
  const endMs = performance.now() + CATCH_UP_MS;
  let reached = await positionOf(reader);
  while (reached < target && performance.now() < endMs) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    reached = await positionOf(reader);
  }
  note(reached >= target, `the reader reaches the writer's LSN within ${CATCH_UP_MS} ms`);
  note(reached <= (await positionOf(writer)), "the reader's LSN is never ahead of the writer's");
}

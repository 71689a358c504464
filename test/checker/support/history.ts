/** One operation of one session on one register. A register's value only grows, and each write gives it a new one. */
export interface Operation {
  readonly session: number;
  readonly kind: 'read' | 'write';
  readonly key: number;
  /** What was read, or what the register was after the write. */
  readonly value: number;
  /** Between these two the operation ran; milliseconds since the run began. */
  readonly beganMs: number;
  readonly endedMs: number;
  /** The application process that was asked, and the node that answered it. */
  readonly process: number;
  readonly node: string;
}

export const GUARANTEES = [
  'read-your-writes',
  'monotonic-reads',
  'writes-follow-reads',
  'monotonic-writes',
] as const;
export type Guarantee = (typeof GUARANTEES)[number];

/** `later` broke what `earlier`, of the same session and register, had established. */
export interface Violation {
  readonly guarantee: Guarantee;
  readonly earlier: Operation;
  readonly later: Operation;
}

/** What an operation may not fall behind, by what came before it in its session. */
const GUARANTEE_OF: Readonly<Record<Operation['kind'], Record<Operation['kind'], Guarantee>>> = {
  read: { read: 'monotonic-reads', write: 'writes-follow-reads' },
  write: { read: 'read-your-writes', write: 'monotonic-writes' },
};

/**
 * The session guarantees (Terry et al. 1994) in a history: an operation that began after another of the same session had
 * ended, on the same register, shows at least its value, and a write shows more. Writes that were not acknowledged are
 * not part of a history.
 */
export function checkHistory(operations: readonly Operation[]): Violation[] {
  const violations: Violation[] = [];
  const subjects = new Map<string, Operation[]>();
  for (const operation of operations) {
    const subject = `${operation.session}/${operation.key}`;
    const list = subjects.get(subject) ?? [];
    list.push(operation);
    subjects.set(subject, list);
  }
  for (const list of subjects.values()) {
    list.sort((a, b) => a.beganMs - b.beganMs);
    for (const later of list) {
      const earlier = highestBefore(list, later);
      if (earlier === undefined) continue;
      const isBehind = later.kind === 'write' ? later.value <= earlier.value : later.value < earlier.value;
      if (isBehind) violations.push({ guarantee: GUARANTEE_OF[earlier.kind][later.kind], earlier, later });
    }
  }
  return violations;
}

/** Of all operations that had ended when `later` began, the one with the largest value. */
function highestBefore(list: readonly Operation[], later: Operation): Operation | undefined {
  let highest: Operation | undefined;
  for (const operation of list) {
    if (operation.beganMs > later.beganMs) break;
    if (operation.endedMs >= later.beganMs || operation === later) continue;
    if (highest === undefined || operation.value > highest.value) highest = operation;
  }
  return highest;
}

/** The shortest history that still shows the violation: what its session did on its register, and who wrote the values. */
export function shrink(operations: readonly Operation[], { earlier, later }: Violation): Operation[] {
  const wanted = operations.filter(
    (operation) =>
      operation === earlier ||
      operation === later ||
      (operation.key === later.key &&
        operation.kind === 'write' &&
        [earlier.value, later.value].includes(operation.value)),
  );
  let short = wanted;
  for (const candidate of wanted) {
    const without = short.filter((operation) => operation !== candidate);
    if (checkHistory(without).length > 0) short = without;
  }
  return short.toSorted((a, b) => a.beganMs - b.beganMs);
}

/** A short history for people, one line an operation. */
export function describeHistory(operations: readonly Operation[]): string {
  return operations
    .map(
      ({ session, kind, key, value, beganMs, endedMs, process, node }) =>
        `${beganMs.toFixed(1)}-${endedMs.toFixed(1)} ms: session ${session} ${kind}s register ${key}: ${value} (process ${process}, ${node})`,
    )
    .join('\n');
}

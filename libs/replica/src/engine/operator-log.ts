/** Where lines for operators go, such as Nest's `Logger`. */
export interface LogSink {
  /** All is well, or well again. */
  log(message: string): void;
  /** Something is wrong, and the library deals with it. */
  warn(message: string): void;
  /** Somebody has to act. */
  error(message: string): void;
}

/** How long lines about the same thing are held back after one; milliseconds. */
const QUIET_MS = 10_000;

/** What operators should know, one line each. A sink that throws does no harm; it may be the application's own. */
export class OperatorLog implements LogSink {
  readonly #nowMs: () => number;
  readonly #recent = new Map<string, { readonly saidMs: number; heldBack: number }>();
  #sink: LogSink | undefined;

  /** @param nowMs milliseconds of a monotonic clock */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** Sends lines there from now on. Lines before the first sink are lost. */
  sendTo(sink: LogSink): void {
    this.#sink = sink;
  }

  log(message: string): void {
    this.#write('log', message);
  }

  warn(message: string): void {
    this.#write('warn', message);
  }

  error(message: string): void {
    this.#write('error', message);
  }

  /** At most one warning in ten seconds for each `subject`, with the number of those held back. */
  warnSeldom(subject: string, message: string): void {
    const nowMs = this.#nowMs();
    const recent = this.#recent.get(subject);
    if (recent !== undefined && nowMs - recent.saidMs < QUIET_MS) {
      recent.heldBack++;
      return;
    }
    this.#recent.set(subject, { saidMs: nowMs, heldBack: 0 });
    const more = recent?.heldBack ?? 0;
    this.#write('warn', more === 0 ? message : `${message} (and ${more} times before that)`);
  }

  #write(level: keyof LogSink, message: string): void {
    try {
      this.#sink?.[level](message);
    } catch {
      // There is nobody to tell.
    }
  }
}

/** Tells of idle connections that broke, seldom for each node. */
export function idleErrorsTo(log: Pick<OperatorLog, 'warnSeldom'>): (error: Error, node: string) => void {
  return (error, node) =>
    log.warnSeldom(`idle ${node}`, `an idle connection to ${node} broke: ${error.message}`);
}

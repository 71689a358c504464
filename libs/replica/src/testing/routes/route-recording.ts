/** A statement that a router ran: the final outcome, without its text. */
export interface RecordedStatement {
  /** `read`, `write`, `locking-read`, `session-change`, `transaction-control` or `unknown`. */
  readonly kind: string;
  /** The tables that a read names; `null`: it is no read, or nobody knows. */
  readonly tables: readonly string[] | null;
  /** The node's name; `null`: no node was allowed to answer. */
  readonly node: string | null;
  /** The node's role at that time; `null` if `node` is. */
  readonly role: 'primary' | 'replica' | null;
  /** Why it ran there, as in the event `statement`. */
  readonly reason: string;
  /** Which request it belongs to, numbered from 1 in the order of this recording; `null`: none. */
  readonly request: number | null;
  /** Absent if it succeeded. */
  readonly errorCode?: string;
}

/** What a recording needs of a router: any of this package has it. */
export interface RecordableRouter {
  on(event: 'statement', listener: (event: StatementTold) => unknown): () => void;
  topology(): { readonly primary: { readonly name: string } };
}

/** The event `statement` of a router. */
interface StatementTold extends Omit<RecordedStatement, 'role'> {
  readonly isFinal: boolean;
}

/** The statements that a router has run since the recording began. Recording changes nothing of how they run. */
export class RouteRecording {
  readonly #router: RecordableRouter;
  readonly #stop: () => void;
  readonly #requests = new Map<number, number>();
  #statements: RecordedStatement[] = [];

  constructor(router: RecordableRouter) {
    this.#router = router;
    this.#stop = router.on('statement', (event) => this.#note(event));
  }

  /** The statements so far, in the order of their outcomes. */
  get statements(): readonly RecordedStatement[] {
    return [...this.#statements];
  }

  /** Forgets what was recorded, so that the next test begins with nothing. */
  clear(): void {
    this.#statements = [];
    this.#requests.clear();
  }

  /** Records nothing more. */
  stop(): void {
    this.#stop();
  }

  /**
   * The statements in words, one a line, under a line for each request. Names no replica, since any of them may answer; so it is the same
   * each time, and fits a snapshot:
   *
   *     request 1
   *       read of product: replica, session-free
   *       write: primary
   */
  transcript(): string {
    const byRequest = new Map<number | null, RecordedStatement[]>();
    for (const statement of this.#statements) {
      const others = byRequest.get(statement.request);
      if (others === undefined) byRequest.set(statement.request, [statement]);
      else others.push(statement);
    }
    return [...byRequest]
      .flatMap(([request, statements]) => [
        request === null ? 'outside requests' : `request ${request}`,
        ...statements.map((statement) => `  ${lineOf(statement)}`),
      ])
      .join('\n');
  }

  #note({ kind, tables, node, reason, request, errorCode, isFinal }: StatementTold): void {
    if (!isFinal) return;
    const primary = this.#router.topology().primary.name;
    const role = node === null ? null : node === primary ? 'primary' : 'replica';
    const told = { kind, tables, node, role, reason, request: this.#numberOf(request) } as const;
    this.#statements.push(errorCode === undefined ? told : { ...told, errorCode });
  }

  /** Requests are numbered over the whole process, which depends on the tests before. */
  #numberOf(request: number | null): number | null {
    if (request === null) return null;
    const known = this.#requests.get(request) ?? this.#requests.size + 1;
    this.#requests.set(request, known);
    return known;
  }
}

/** A statement in words. */
export function lineOf({ kind, tables, role, reason, errorCode }: RecordedStatement): string {
  const what = tables === null || tables.length === 0 ? kind : `${kind} of ${tables.join(', ')}`;
  const why = reason === kind ? '' : `, ${reason}`;
  const failure = errorCode === undefined ? '' : `, failed with ${errorCode}`;
  return `${what}: ${role ?? 'no node'}${why}${failure}`;
}

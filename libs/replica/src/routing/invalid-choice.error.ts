/** Who chose. */
export type Chooser = 'balancer' | 'route';

/** The function given as option `balancer` or `route` named no node that it may name. */
export class InvalidChoiceError extends Error {
  override readonly name = 'InvalidChoiceError';
  readonly code = 'REPLICA_INVALID_CHOICE';
  /** The option. */
  readonly option: Chooser;
  /** What it gave. */
  readonly choice: unknown;
  /** The names that it may give. */
  readonly allowed: readonly string[];

  constructor(option: Chooser, choice: unknown, allowed: readonly string[]) {
    super(
      `the function given as option ${option} named ${kindOf(choice)}: it has to name one of ${allowed.join(', ')}`,
    );
    // Nobody else waits for it: its rejection would end the process.
    if (choice instanceof Promise) choice.catch(() => undefined);
    this.option = option;
    this.choice = choice;
    this.allowed = allowed;
  }
}

/** A name as it is; of anything else, which may be anything, its kind. */
function kindOf(choice: unknown): string {
  if (typeof choice === 'string') return JSON.stringify(choice.slice(0, 100));
  if (choice === undefined || choice === null) return String(choice);
  if (choice instanceof Promise) return 'a promise';
  return typeof choice === 'object' ? 'an object' : `a ${typeof choice}`;
}

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
    const given = typeof choice === 'string' ? JSON.stringify(choice) : String(choice);
    super(
      `the function given as option ${option} named ${given}: it has to name one of ${allowed.join(', ')}`,
    );
    this.option = option;
    this.choice = choice;
    this.allowed = allowed;
  }
}

/** Who chose. */
export type Chooser = 'balancer' | 'route';

/** The function given as option `balancer` or `route` named no node that it may name. */
export class InvalidChoiceError extends Error {
  override readonly name = 'InvalidChoiceError';
  readonly code = 'REPLICA_INVALID_CHOICE';
  /** The option. */
  readonly option: Chooser;
  /** The name that it gave, or what kind of value. */
  readonly choice: unknown;
  /** The names that it may give. */
  readonly allowed: readonly string[];

  constructor(option: Chooser, choice: unknown, allowed: readonly string[]) {
    // Only what has the shape of a name is shown: a function may give out anything.
    const isName = typeof choice === 'string' && /^[\w.-]{1,64}$/.test(choice);
    const given = isName ? JSON.stringify(choice) : kindOf(choice);
    super(
      `the function given as option ${option} named ${given}: it has to name one of ${allowed.join(', ')}`,
    );
    // Nobody else waits for it: its rejection would end the process.
    if (choice instanceof Promise) choice.catch(() => undefined);
    this.option = option;
    this.choice = isName ? choice : given;
    this.allowed = allowed;
  }
}

/** Of what is no name, and may be anything, its kind. */
function kindOf(choice: unknown): string {
  if (typeof choice === 'string') return 'a text that is no name';
  if (choice === undefined || choice === null) return String(choice);
  if (choice instanceof Promise) return 'a promise';
  return typeof choice === 'object' ? 'an object' : `a ${typeof choice}`;
}

/** The options given to `ReplicaModule` or `ReplicaDataSource` are wrong: all mistakes at once. */
export class InvalidReplicaOptionsError extends Error {
  override readonly name = 'InvalidReplicaOptionsError';
  readonly code = 'REPLICA_INVALID_OPTIONS';

  constructor(
    /** One line per mistake: the option's path, what was given, what is allowed. Never a credential. */
    readonly problems: readonly string[],
  ) {
    super(`Invalid options for nestjs-replica:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
  }
}

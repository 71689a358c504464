/** The package that connects to this type of database cannot be loaded. */
export class DriverNotInstalledError extends Error {
  override readonly name = 'DriverNotInstalledError';
  readonly code = 'REPLICA_DRIVER_NOT_INSTALLED';

  constructor(
    /** The name of the package: `pg` or `mysql2`. */
    readonly driver: string,
    cause: unknown,
  ) {
    super(`The package ${driver} cannot be loaded. Install it: npm install ${driver}`, {
      cause,
    });
  }
}

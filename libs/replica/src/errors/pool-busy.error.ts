/** All connections of a replica's pool are in use for a while, and another one has some to spare. Nobody outside is told. */
export class PoolBusyError extends Error {
  override readonly name = 'PoolBusyError';
}

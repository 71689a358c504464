/** `setReplicas()` was called where the option `discovery` says which replicas there are. */
export class ReplicasAreDiscoveredError extends Error {
  override readonly name = 'ReplicasAreDiscoveredError';
  readonly code = 'REPLICA_REPLICAS_ARE_DISCOVERED';

  constructor() {
    super(
      'The replicas of this data source are what its option `discovery` finds, so setReplicas() would not last: ' +
        'change what is found there, or leave the option out.',
    );
  }
}

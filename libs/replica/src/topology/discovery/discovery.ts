/** What one search found. */
export interface DiscoveryResult<Node> {
  /** The replicas. An empty list counts as a failure: the known replicas stay. */
  readonly replicas: readonly Node[];
  /** How long the answer holds; milliseconds. */
  readonly validForMs: number;
}

/** Finds replicas while the application runs. */
export interface Discovery<Node> {
  /** Rejects if it cannot tell. The known replicas stay, and it is asked again soon. */
  find(): Promise<DiscoveryResult<Node>>;
  /** What is wrong with its own options. Reported at boot together with all other mistakes. */
  readonly problems?: readonly string[];
}

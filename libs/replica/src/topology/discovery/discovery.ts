/** What one look found. */
export interface DiscoveryResult<Node> {
  /** The replicas there are. Empty counts as no answer: those known before stay. */
  readonly replicas: readonly Node[];
  /** After how long to look again; milliseconds. */
  readonly validForMs: number;
}

/** Finds the replicas while the application runs. */
export interface Discovery<Node> {
  /** Rejects when it cannot tell: those known before stay, and it is asked again soon. */
  find(): Promise<DiscoveryResult<Node>>;
  /** What is wrong with how it was made: reported at boot beside all other mistakes. */
  readonly problems?: readonly string[];
}

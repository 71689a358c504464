/** Keeps back what answers a request, beyond what its session has to know. */
export interface AnswerGate {
  /** Nothing is kept back. */
  readonly isOpen: boolean;
  /** Resolves when the answer may leave. Rejects with the error that the caller is to get in its place. */
  pass(): Promise<void>;
}

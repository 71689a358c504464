/** How far a write has come that should be visible on replicas. */
export interface MissedVisibility {
  readonly because: 'timeout' | 'position-unknown' | 'primary-changed';
  /** On how many of the replicas that serve it should be visible. */
  readonly visibleOn: 'all' | number;
  readonly serving: number;
  readonly visible: number;
  readonly waitedMs: number;
}

const REASONS = {
  timeout: 'too few replicas have replayed it',
  'position-unknown': 'its position could not be learned',
  'primary-changed': 'another primary took over, which may lack it',
} as const;

/**
 * `@SyncWrite({ onTimeout: 'error' })`: the write is committed on the primary, but was not found in time on as many replicas as
 * it should be visible on.
 */
export class WriteNotVisibleError extends Error {
  override readonly name = 'WriteNotVisibleError';
  readonly code = 'REPLICA_WRITE_NOT_VISIBLE';
  /** Why: see the event `visibility:missed`. */
  readonly because: MissedVisibility['because'];
  readonly visibleOn: MissedVisibility['visibleOn'];
  /** How many replicas served at the end, and how many of them had replayed the write. */
  readonly serving: number;
  readonly visible: number;
  readonly waitedMs: number;

  constructor({ because, visibleOn, serving, visible, waitedMs }: MissedVisibility) {
    const wanted = visibleOn === 'all' ? `all ${serving} replicas that serve` : `${visibleOn} replicas`;
    super(
      `The write is committed, but not known to be visible on ${wanted} after ${waitedMs} ms: ${REASONS[because]} ` +
        `(${visible} of ${serving} have). Do not write it again. A longer timeoutMs, a lower visibleOn or onTimeout ` +
        `'continue' avoids this error.`,
    );
    this.because = because;
    this.visibleOn = visibleOn;
    this.serving = serving;
    this.visible = visible;
    this.waitedMs = waitedMs;
  }
}

import type { Position } from '../../session/position.js';

/** Learns which tables were changed through this process. There is one only if somebody wants to know: a result cache. */
export interface ChangeLog {
  /**
   * Rows of these tables may have been changed; `undefined`: of any. `position`: one of the primary that covers the change, if it is known.
   * What is returned resolves when the caller may be answered, and never rejects; `undefined`: now.
   */
  changed(tables: ReadonlySet<string> | undefined, position: Position | undefined): Promise<void> | undefined;
}

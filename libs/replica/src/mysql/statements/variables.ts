import { Effect } from '../../execution/statements/effects.js';
import type { Finding } from '../../execution/statements/finding.js';
import type { Tokenizer } from './tokenizer.js';

/** System variables that are alike on all servers of a cluster and on all connections. */
const HARMLESS = /@@(?:global\.)?(?:version|version_comment|lower_case_table_names)\b/iy;

/** Notes the use of a variable, whose first `@` is the current token. Other variables belong to a connection or to one server. */
export function useVariable({ text, start }: Tokenizer, finding: Finding): void {
  HARMLESS.lastIndex = start;
  if (!HARMLESS.test(text)) finding.noteEffects(Effect.usesConnection, 'uses a variable');
}

import type { Statement } from './statements/index.js';

/** Settings until the end of the transaction, as row level security is often told whom it serves. */
const LOCAL_SETTING = String.raw`(?:pg_catalog\.)?set_config\s*\([^()]*,\s*true\s*\)(?:\s+as\s+"?\w+"?)?`;
const LOCAL_SETTINGS = new RegExp(
  String.raw`^\s*select\s+${LOCAL_SETTING}(?:\s*,\s*${LOCAL_SETTING})*\s*;?\s*$`,
  'i',
);
/** Longer ones are not looked at. */
const MAX_CHARACTERS = 1_000;

/** A statement that has succeeded leaves something on its connection that the end of the transaction does not take off. */
export function leavesState({ keepsConnection }: Statement, text: string): boolean {
  return keepsConnection && (text.length > MAX_CHARACTERS || !LOCAL_SETTINGS.test(text));
}

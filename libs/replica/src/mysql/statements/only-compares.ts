import { foldWord } from './keywords.js';
import { Token, Tokenizer } from './tokenizer.js';

const words = (list: string): ReadonlySet<string> => new Set(list.split(' '));

/** Words before a parenthesis that begins no call. */
const BEFORE_LIST = words(
  'select distinct from join where on having and or not xor in any some all exists between case when then else as by union using is',
);
/** Functions that do next to nothing with their values. */
const SIMPLE_FUNCTIONS = words(
  'count sum min max avg coalesce ifnull nullif lower upper concat now current_timestamp',
);
/** What runs elaborate code of the server on a value or a structure, without a parenthesis. */
const ELABORATE = words('regexp rlike match sounds recursive over window lateral collate procedure');

/**
 * Whether all that a read does with its values is to compare them and to add them up. Nearly all reads that TypeORM makes are like that. A
 * text with patterns, searches, JSON, geometry or most functions may be harmless with some values and end the server with others.
 */
export function onlyCompares(text: string): boolean {
  const tokens = new Tokenizer(text);
  let before = '';
  let isName = false;
  for (let type = tokens.next(); type !== Token.end; type = tokens.next()) {
    if (type === Token.broken) return false;
    const token = text.slice(tokens.start, tokens.end);
    const word = type === Token.word ? foldWord(token) : '';
    if (ELABORATE.has(word) || (token === '>' && before === '-')) return false;
    if (type === Token.open && isName && !BEFORE_LIST.has(before) && !SIMPLE_FUNCTIONS.has(before))
      return false;
    isName = type === Token.word || type === Token.quoted;
    before = isName ? word : token;
  }
  return true;
}

import { patternText, type PatternToken } from '../../execution/statements/pattern-text.js';
import { Token, Tokenizer, type TokenType } from './tokenizer.js';

const KINDS: ReadonlyMap<TokenType, PatternToken> = new Map<TokenType, PatternToken>([
  [Token.end, 'end'],
  [Token.broken, 'broken'],
  [Token.string, 'literal'],
  [Token.number, 'literal'],
  [Token.parameter, 'literal'],
  [Token.open, 'open'],
  [Token.close, 'close'],
  [Token.comma, 'comma'],
]);

const DOUBLE_QUOTE = '"';

/**
 * The text without its literals. What stands in double quotes counts as a literal, although it may be a name with ANSI_QUOTES. So does a
 * name that begins with a digit.
 */
export function patternOf(text: string): string {
  const tokens = new Tokenizer(text);
  return patternText(tokens, () => kindOf(tokens));
}

function kindOf(tokens: Tokenizer): PatternToken {
  const type = tokens.next();
  if (tokens.isAmbiguous) return 'broken';
  const first = tokens.text[tokens.start] ?? '';
  if (type === Token.word) return isDigit(first) ? 'literal' : 'word';
  if (type === Token.quoted) return first === DOUBLE_QUOTE ? 'literal' : 'word';
  return KINDS.get(type) ?? 'other';
}

function isDigit(character: string): boolean {
  return character >= '0' && character <= '9';
}

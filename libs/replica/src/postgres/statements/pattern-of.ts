import { patternText, type PatternToken } from '../../execution/statements/pattern-text.js';
import { Token, Tokenizer, type TokenType } from './tokenizer.js';

const KINDS: ReadonlyMap<TokenType, PatternToken> = new Map<TokenType, PatternToken>([
  [Token.end, 'end'],
  [Token.broken, 'broken'],
  [Token.word, 'word'],
  [Token.quoted, 'word'],
  [Token.string, 'literal'],
  [Token.number, 'literal'],
  [Token.parameter, 'literal'],
  [Token.open, 'open'],
  [Token.openBracket, 'open'],
  [Token.close, 'close'],
  [Token.closeBracket, 'close'],
  [Token.comma, 'comma'],
]);

/** The text without its literals. A backslash before a quote may end it elsewhere on some servers, so the rest is left out. */
export function patternOf(text: string): string {
  const tokens = new Tokenizer(text, false);
  return patternText(tokens, () => KINDS.get(tokens.next()) ?? 'other');
}

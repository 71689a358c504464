/** What a token is. */
export const Token = {
  end: 0,
  /** not understood: the text must not be called a read */
  broken: 1,
  /** a name or keyword without quotes */
  word: 2,
  /** a name in double quotes */
  quoted: 3,
  /** a constant in single quotes or dollar quotes */
  string: 4,
  number: 5,
  /** `$1` */
  parameter: 6,
  operator: 7,
  open: 8,
  close: 9,
  openBracket: 10,
  closeBracket: 11,
  comma: 12,
  dot: 13,
  semicolon: 14,
  /** `::` */
  cast: 15,
  /** `:`, `:=`, `=>`, `..` */
  other: 16,
} as const;
export type TokenType = (typeof Token)[keyof typeof Token];

/**
 * What a character can be at the start of a token, by UTF-16 code; from the flex rules of PostgreSQL's
 * `src/backend/parser/scan.l`. Whatever is not ASCII is part of a name there, even a no-break space.
 */
export const Character = { odd: 0, space: 1, name: 2, digit: 3, operator: 4, other: 5 } as const;

const ASCII = 128;

function classes(): Uint8Array {
  const table = new Uint8Array(ASCII);
  const mark = (characters: string, value: number): void => {
    for (const character of characters) table[character.charCodeAt(0)] = value;
  };
  mark(' \t\n\r\f\v', Character.space);
  mark('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_', Character.name);
  mark('0123456789', Character.digit);
  mark('~!@#^&|`?+-*/%<>=', Character.operator);
  mark('()[],.;:$\'"', Character.other);
  return table;
}

const CLASSES = classes();

/** The class of a code unit. `NaN` (past the end) is odd. */
export function characterClass(code: number): number {
  return code < ASCII ? (CLASSES[code] ?? Character.odd) : code >= ASCII ? Character.name : Character.odd;
}

/** May go on a name that has begun: letters, digits, `_`, `$`, all beyond ASCII. */
export function continuesName(code: number): boolean {
  const found = characterClass(code);
  return found === Character.name || found === Character.digit || code === 0x24;
}

const UPPER_A = 0x41;
const UPPER_Z = 0x5a;

/** Holds a letter from A to Z. */
export function hasUpperCase(name: string): boolean {
  for (let at = 0; at < name.length; at += 1) {
    const code = name.charCodeAt(at);
    if (code >= UPPER_A && code <= UPPER_Z) return true;
  }
  return false;
}

export function isAscii(name: string): boolean {
  for (let at = 0; at < name.length; at += 1) if (name.charCodeAt(at) >= ASCII) return false;
  return true;
}

/** Lower case as the server folds names of a multi-byte encoding: A to Z only. */
export function foldName(name: string): string {
  if (!hasUpperCase(name)) return name;
  return isAscii(name) ? name.toLowerCase() : name.replaceAll(/[A-Z]+/g, (part) => part.toLowerCase());
}

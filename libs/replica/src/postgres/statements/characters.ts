/**
 * The role of a character at the start of a token, from the flex rules of PostgreSQL's `src/backend/parser/scan.l`. Those rules treat
 * everything beyond ASCII as part of a name, even a no-break space.
 */
export const Character = { invalid: 0, space: 1, name: 2, digit: 3, operator: 4, other: 5 } as const;

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

/** The class of a UTF-16 code unit. `NaN` (past the end of the text) is invalid. */
export function characterClass(code: number): number {
  return code < ASCII
    ? (CLASSES[code] ?? Character.invalid)
    : code >= ASCII
      ? Character.name
      : Character.invalid;
}

/** Whether the character may follow the first character of a name: letters, digits, `_`, `$`, everything beyond ASCII. */
export function continuesName(code: number): boolean {
  const found = characterClass(code);
  return found === Character.name || found === Character.digit || code === 0x24;
}

const UPPER_A = 0x41;
const UPPER_Z = 0x5a;

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

/** Folds a name as a server with a multi-byte encoding does: only A to Z become lower case. */
export function foldName(name: string): string {
  if (!hasUpperCase(name)) return name;
  return isAscii(name) ? name.toLowerCase() : name.replaceAll(/[A-Z]+/g, (part) => part.toLowerCase());
}

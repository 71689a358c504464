import { inspect } from 'node:util';

export const JWT_LIKE = 'eyJhbGci.p@ss:w/ord?#%25+=';

/** Passwords of odd letters, by what is odd. Each has a part that stands nowhere else. */
export const SECRETS: readonly (readonly [string, string])[] = [
  ['letters of URLs', 'hunter2p@ss:w/ord?#%25'],
  ['spaces and quotes', `hunter2 "quoted" 'single' \`back\``],
  ['other alphabets', 'hunter2пароль-密码-ß€😀'],
  ['lines', 'hunter2\nsecond\r\nline\ttab'],
  ['a URL', 'https://hunter2:pw@vault.internal/x'],
  ['regular expressions', 'hunter2.*+?^${}()|[]\\'],
  ['percent-encoded', 'hunter2%40%2F%23'],
  ['very long', `hunter2${'x9'.repeat(5_000)}`],
  ['like a token', `hunter2${JWT_LIKE}`],
];

/** Whether a text tells a secret, in whatever way it is written, or the first or last letters of it. */
export function tellsSecret(text: string, secret: string): boolean {
  const parts = [secret, 'hunter2', secret.slice(-12)];
  return parts.some((part) =>
    [
      part,
      encodeURIComponent(part),
      encodeURI(part),
      JSON.stringify(part).slice(1, -1),
      inspect(part).slice(1, -1),
    ].some((written) => text.includes(written)),
  );
}

/** The lines that tell a secret, cut short, each once; the whole text's beginning where only several lines together tell it. */
export function tellingLines(texts: readonly string[], secret: string): readonly string[] {
  const telling = texts.filter((text) => tellsSecret(text, secret));
  const lines = telling.flatMap((text) => {
    const found = text.split('\n').filter((line) => tellsSecret(line, secret));
    return found.length === 0 ? [text] : found;
  });
  return [...new Set(lines.map((line) => line.trim().slice(0, 200)))];
}

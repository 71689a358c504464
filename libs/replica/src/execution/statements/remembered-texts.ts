/** Longer texts are remembered by a hash. */
const MAX_KEPT_CHARACTERS = 16_384;

/**
 * A bounded set of texts. When it is full, the oldest text goes. It keeps only a hash of a long text, so another text with the
 * same hash also counts as remembered.
 */
export class RememberedTexts {
  readonly #maxTexts: number;
  readonly #keys = new Set<string>();

  constructor(maxTexts: number) {
    this.#maxTexts = maxTexts;
  }

  get size(): number {
    return this.#keys.size;
  }

  add(text: string): void {
    this.#keys.add(keyOf(text));
    if (this.#keys.size <= this.#maxTexts) return;
    for (const oldest of this.#keys) {
      this.#keys.delete(oldest);
      return;
    }
  }

  has(text: string): boolean {
    return this.#keys.size > 0 && this.#keys.has(keyOf(text));
  }
}

function keyOf(text: string): string {
  if (text.length <= MAX_KEPT_CHARACTERS) return text;
  let first = 0x811c9dc5;
  let second = 5381;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    first = Math.imul(first ^ code, 0x01000193);
    second = (Math.imul(second, 33) + code) | 0;
  }
  return `\0${text.length}:${first}:${second}`;
}

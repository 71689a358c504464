/**
 * A bounded map from texts to values. It forgets what was not asked for while a whole generation filled up. That is nearly
 * least-recently-used, but costs no ordering.
 */
export class TextCache<V> {
  readonly #maxTexts: number;
  readonly #maxCharacters: number;
  #young = new Map<string, V>();
  #old = new Map<string, V>();
  #characters = 0;

  /** @param maxTexts the limit for both generations together; likewise `maxCharacters` */
  constructor(maxTexts: number, maxCharacters: number) {
    this.#maxTexts = Math.ceil(maxTexts / 2);
    this.#maxCharacters = Math.ceil(maxCharacters / 2);
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(text: string): V | undefined {
    const found = this.#young.get(text);
    if (found !== undefined) return found;
    const older = this.#old.get(text);
    if (older !== undefined) {
      this.#old.delete(text);
      this.set(text, older);
    }
    return older;
  }

  set(text: string, value: V): void {
    if (this.#maxTexts === 0 || text.length > this.#maxCharacters) return;
    if (this.#young.size >= this.#maxTexts || this.#characters + text.length > this.#maxCharacters)
      this.#age();
    if (!this.#young.has(text)) this.#characters += text.length;
    this.#young.set(text, value);
  }

  clear(): void {
    this.#young = new Map();
    this.#old = new Map();
    this.#characters = 0;
  }

  #age(): void {
    this.#old = this.#young;
    this.#young = new Map();
    this.#characters = 0;
  }
}

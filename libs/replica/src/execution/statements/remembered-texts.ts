import { digestOf } from './text-digest.js';

/** Longer texts are remembered by a hash. */
const MAX_KEPT_CHARACTERS = 16_384;

/** A bounded set of texts. When it is full, the oldest text goes. */
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
  return text.length <= MAX_KEPT_CHARACTERS ? text : `\0${digestOf(text)}`;
}

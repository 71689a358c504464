import type { AnswerGate } from '../context/answer-gate.js';
import type { RequestContext } from '../context/request-context.js';
import { WriteNotVisibleError } from '../errors/write-not-visible.error.js';
import type { Visibility } from './visibility.js';
import type { SyncWriteRule } from './visibility-options.js';

/** Lets a request's answer pass when what the request has written is visible, as a `@SyncWrite()` asks. */
export class VisibilityGate implements AnswerGate {
  readonly #visibility: Visibility;
  readonly #request: RequestContext;
  readonly #rule: Required<SyncWriteRule>;
  /** How many writes have passed, or wait to. */
  #writes: number;
  #passing: Promise<void> | undefined;

  constructor(visibility: Visibility, request: RequestContext, rule: Required<SyncWriteRule>) {
    this.#visibility = visibility;
    this.#request = request;
    this.#rule = rule;
    this.#writes = request.ledger.writes;
  }

  get isOpen(): boolean {
    return this.#passing === undefined && this.#writes === this.#request.ledger.writes;
  }

  async pass(): Promise<void> {
    const { writes } = this.#request.ledger;
    if (writes !== this.#writes) {
      this.#writes = writes;
      const passing = this.#wait().finally(() => {
        if (this.#passing === passing) this.#passing = undefined;
      });
      this.#passing = passing;
    }
    await this.#passing;
  }

  async #wait(): Promise<void> {
    const { visibleOn, timeoutMs, onTimeout } = this.#rule;
    const missed = await this.#visibility.waitForRequest(this.#request, { on: visibleOn, timeoutMs });
    if (missed === undefined) return;
    this.#request.missedVisibility = missed.because;
    if (onTimeout === 'error') throw new WriteNotVisibleError(missed);
  }
}

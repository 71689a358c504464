import type { NodeProbe, ProbeResult } from '../../topology/node-probe.js';

/** What a {@link FailureDetector} needs. */
export interface FailureDetectorOptions {
  /** Only the primary's silence matters, because replicas are abandoned at their first failed probe. */
  readonly isPrimary: (node: string) => boolean;
  /** When the node last answered a statement; milliseconds of the monotonic clock. */
  readonly answeredMs: (node: string) => number;
  /** A second opinion: whether the node answers on a new connection within that time. Never rejects. */
  readonly answersAnew: (node: string, timeoutMs: number) => Promise<boolean>;
  readonly probeAgain: (node: string) => void;
  readonly changed: (node: string, isSilent: boolean) => void;
  readonly nowMs: () => number;
}

/** How many probes in a row must be late before a second opinion is worthwhile. */
const LATE_PROBES = 2;

interface Findings {
  /** The number of late probes in a row: those that got no answer in time. */
  late: number;
  lateSinceMs: number;
  /** The last probe failed, for whatever reason. */
  hasFailed: boolean;
  /** The node last said that it is a standby. */
  isStandby: boolean;
  isSilent: boolean;
  isAsking: boolean;
}

/**
 * Detects that the primary answers nobody, because it hangs or the network swallows everything. It takes longer to be sure of
 * that than of a node being unwell, because the consequence is harsher: statements that need the primary then fail at once. A
 * primary that is merely slow, or whose monitor alone is in trouble, is not silent: it answers statements, or a new connection.
 * The detector wraps the monitor's probes and learns from them.
 */
export class FailureDetector {
  readonly #options: FailureDetectorOptions;
  readonly #findings = new Map<string, Findings>();

  constructor(options: FailureDetectorOptions) {
    this.#options = options;
  }

  /** Wraps a probe to listen to its results. */
  overhear(node: string, probe: NodeProbe): NodeProbe {
    const findings: Findings = {
      late: 0,
      lateSinceMs: 0,
      hasFailed: false,
      isStandby: false,
      isSilent: false,
      isAsking: false,
    };
    this.#findings.set(node, findings);
    return {
      probe: (timeoutMs) => this.#probe(node, findings, { probe, timeoutMs }),
      reconnect: () => probe.reconnect(),
      close: () => {
        if (this.#findings.get(node) === findings) this.#findings.delete(node);
        return probe.close();
      },
    };
  }

  /** Whether the node answers nobody, as far as anyone can know. */
  isSilent(node: string): boolean {
    return this.#findings.get(node)?.isSilent ?? false;
  }

  hasFailed(node: string): boolean {
    return this.#findings.get(node)?.hasFailed ?? false;
  }

  /** Whether the node last answered that it is a standby. A write sent there would be at the wrong address. */
  isStandby(node: string): boolean {
    return this.#findings.get(node)?.isStandby ?? false;
  }

  async #probe(
    node: string,
    findings: Findings,
    { probe, timeoutMs }: { probe: NodeProbe; timeoutMs: number },
  ): Promise<ProbeResult> {
    const startedMs = this.#options.nowMs();
    try {
      const result = await probe.probe(timeoutMs);
      findings.hasFailed = false;
      findings.isStandby = result.isReadOnly;
      // Its address may lead to the primary by now, but this connection never will.
      if (result.isReadOnly && this.#options.isPrimary(node)) probe.reconnect();
      this.#heard(node, findings);
      return result;
    } catch (error) {
      findings.hasFailed = true;
      if (this.#options.nowMs() - startedMs < timeoutMs) this.#heard(node, findings);
      else this.#late(node, findings, { startedMs, timeoutMs });
      throw error;
    }
  }

  /** There was an answer, good or bad, or a failure that took no time-out. */
  #heard(node: string, findings: Findings): void {
    findings.late = 0;
    this.#set(node, findings, false);
  }

  #late(
    node: string,
    findings: Findings,
    { startedMs, timeoutMs }: { startedMs: number; timeoutMs: number },
  ): void {
    if (findings.late === 0) findings.lateSinceMs = startedMs;
    findings.late++;
    if (!this.#options.isPrimary(node)) return;
    if (findings.late < LATE_PROBES) this.#options.probeAgain(node);
    else void this.#askOthers(node, findings, timeoutMs);
  }

  /** Asks again even while the node is silent, so that the monitor is not wrong for ever. */
  async #askOthers(node: string, findings: Findings, timeoutMs: number): Promise<void> {
    if (findings.isAsking) return;
    findings.isAsking = true;
    const { answeredMs, answersAnew } = this.#options;
    const isHeard = answeredMs(node) >= findings.lateSinceMs || (await answersAnew(node, timeoutMs));
    findings.isAsking = false;
    if (isHeard) this.#heard(node, findings);
    else if (findings.late >= LATE_PROBES) this.#set(node, findings, true);
  }

  #set(node: string, findings: Findings, isSilent: boolean): void {
    if (findings.isSilent === isSilent) return;
    findings.isSilent = isSilent;
    this.#options.changed(node, isSilent);
  }
}

import type { NodeProbe, ProbeResult } from '../../topology/node-probe.js';

/** What a {@link FailureDetector} works with. */
export interface FailureDetectorOptions {
  /** Only the primary's silence matters: replicas are left at their first failed probe. */
  readonly isPrimary: (node: string) => boolean;
  /** When the node last answered a statement; milliseconds of the monotonic clock. */
  readonly answeredMs: (node: string) => number;
  /** A second opinion: whether it answers on a new connection within that time. Never rejects. */
  readonly answersAnew: (node: string, timeoutMs: number) => Promise<boolean>;
  /** Probe it again without a pause. */
  readonly probeAgain: (node: string) => void;
  /** It is silent, or no longer. */
  readonly changed: (node: string, isSilent: boolean) => void;
  /** Milliseconds of a monotonic clock. */
  readonly nowMs: () => number;
}

/** So many probes in a row that got no answer in time are worth a second opinion. */
const LATE_PROBES = 2;

/** What the probes of one node found lately. */
interface Findings {
  /** Probes in a row that got no answer in time. */
  late: number;
  /** When the first of them began. */
  lateSinceMs: number;
  /** The last probe failed, however. */
  hasFailed: boolean;
  /** It last said that it is a standby. */
  isStandby: boolean;
  isSilent: boolean;
  isAsking: boolean;
}

/**
 * Finds out that the primary answers nobody: it hangs, or the network swallows everything. That takes longer to be sure of than
 * that a node is not well, for what is concluded from it is harder: statements that need the primary then fail at
 * once. A primary that is slow, or whose monitor alone is in trouble, is not silent: it answers statements, or a new
 * connection. Learns from the probes of the monitor, which it is given to wrap.
 */
export class FailureDetector {
  readonly #options: FailureDetectorOptions;
  readonly #findings = new Map<string, Findings>();

  constructor(options: FailureDetectorOptions) {
    this.#options = options;
  }

  /** The probe, overheard. */
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

  /** It answers nobody, as far as can be known. */
  isSilent(node: string): boolean {
    return this.#findings.get(node)?.isSilent ?? false;
  }

  /** Its last probe failed. */
  hasFailed(node: string): boolean {
    return this.#findings.get(node)?.hasFailed ?? false;
  }

  /** It answered last that it is a standby: whoever is sent there to write is at the wrong address. */
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

  /** Good or bad, there was an answer, or one that takes no time-out to fail. */
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

  /** Also asked again while it is silent: the monitor must not be wrong for ever. */
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

import { messageOf } from '../errors/describe-error.js';

/** Runs SQL on one server and returns its rows. */
export type ServerQuery = (sql: string) => Promise<readonly object[]>;

/** One assumption about a product, and whether a server keeps it. */
export interface AssumptionFinding {
  readonly isAsAssumed: boolean;
  /** The assumption, or what is different; in words for people. */
  readonly text: string;
}

/** Finds out, one assumption after the other, whether a product is what its manual says. */
export class AssumptionCheck {
  readonly findings: AssumptionFinding[] = [];

  /** Returns whether the assumption holds. */
  note(isAsAssumed: boolean, text: string): boolean {
    this.findings.push({ isAsAssumed, text });
    return isAsAssumed;
  }

  /** What the server in this role tells; `undefined`: it makes no sense. */
  async ask<T>(role: string, question: () => Promise<T>): Promise<T | undefined> {
    try {
      const answer = await question();
      this.note(true, `the ${role} tells its own status, and its role fits`);
      return answer;
    } catch (error) {
      this.note(false, `the ${role}: ${messageOf(error)}`);
      return undefined;
    }
  }
}

import { ExitCode } from './exit-code.js';

/** A command cannot do what it was asked for. The message says why and what to do about it, in one line without a credential. */
export class CommandError extends Error {
  override readonly name = 'CommandError';

  constructor(
    message: string,
    /** What the process ends with. */
    readonly exitCode: ExitCode = ExitCode.unknown,
  ) {
    super(message);
  }
}

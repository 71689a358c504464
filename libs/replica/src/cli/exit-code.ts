/** What a command ends with, as in the Monitoring Plugins guidelines. A node that cannot be reached is critical; wrong usage is unknown. */
export const ExitCode = { ok: 0, warning: 1, critical: 2, unknown: 3 } as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

export const EXIT_WORDS = [
  'ok',
  'warning',
  'critical',
  'unknown',
] as const satisfies readonly (keyof typeof ExitCode)[];

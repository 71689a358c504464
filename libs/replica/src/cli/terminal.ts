import { styleText } from 'node:util';

/** What a command has of the process around it. */
export interface Terminal {
  /** Writes to standard output; the text has its own line ends. */
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Whether standard output is a terminal that somebody looks at. */
  readonly isTty: boolean;
  readonly columns: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The folder that relative paths start from. */
  readonly cwd: string;
  /** The version of this package. */
  readonly version: string;
  /** Aborts when the user ends the command by Ctrl+C. */
  readonly signal: AbortSignal;
}

export type Colour = 'red' | 'yellow' | 'green' | 'bold' | 'dim';

export type Paint = (colour: Colour, text: string) => string;

/** Colours texts on a terminal, unless somebody has set NO_COLOR (https://no-color.org). */
export function paintFor({ isTty, env }: Pick<Terminal, 'isTty' | 'env'>): Paint {
  const isColoured = isTty && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  // Whether there is a terminal is known already; by itself, `styleText()` would look at the process.
  return (colour, text) => (isColoured ? styleText(colour, text, { validateStream: false }) : text);
}

import { readFileSync } from 'node:fs';

/** All queries of a board or of a file of rules. */
export function expressionsOf(path: string): string[] {
  const text = readFileSync(path, 'utf8');
  if (path.endsWith('.json')) return [...found(JSON.parse(text))];
  return Array.from(text.matchAll(/^ +expr: (.*(?:\n {10,}.*)*)/gm), ([, expr = '']) => expr);
}

function* found(value: unknown): Generator<string> {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (key === 'expr' || key === 'definition') yield inner as string;
    else yield* found(inner);
  }
}

import type { PostgresCursorConstructor } from 'kysely';
import { createRequire } from 'node:module';

/** What dialects of Kysely stream by. It has no types of its own. */
export const Cursor = createRequire(import.meta.url)('pg-cursor') as PostgresCursorConstructor;

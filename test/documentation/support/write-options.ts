// Writes the tables of docs/options.md anew: `npm run docs:options`.
import { readFileSync, writeFileSync } from 'node:fs';
import { PAGE, withTables } from './options-page.js';

writeFileSync(PAGE, withTables(readFileSync(PAGE, 'utf8')));

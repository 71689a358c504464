// node --import .../register.mjs file.ts: runs the TypeScript of this project in a process of its own.
import { register } from 'node:module';

register('./hooks.mjs', import.meta.url);

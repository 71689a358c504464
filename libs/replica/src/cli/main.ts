#!/usr/bin/env node
import { runCommandLine } from './run-command-line.js';

/** Put in place by the build. */
declare const PACKAGE_VERSION: string;

const args = process.argv.slice(2);
const stopped = new AbortController();
// What goes on until somebody stops it tells what it has. Anything else just ends, even while it waits for a server.
if (args[0] === 'lag' || args.includes('--watch')) {
  process.once('SIGINT', () => {
    stopped.abort();
    // Whoever asks twice does not want to wait for anything.
    process.once('SIGINT', () => process.exit(130));
  });
  process.once('SIGTERM', () => stopped.abort());
}
// Whoever read the output has enough of it: `nestjs-replica status | head -1`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  throw error;
});

process.exitCode = await runCommandLine(args, {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  isTty: process.stdout.isTTY,
  columns: process.stdout.columns ?? 80,
  env: process.env,
  cwd: process.cwd(),
  version: PACKAGE_VERSION,
  signal: stopped.signal,
});

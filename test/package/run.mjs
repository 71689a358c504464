import { spawn } from 'node:child_process';
import { once } from 'node:events';

const TIMEOUT_MS = 300_000;

/** Runs a command to its end and returns its standard output. If the command fails, throws with all its output. */
export async function run(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: TIMEOUT_MS, ...options });
  let stdout = '';
  let everything = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
    everything += chunk;
  });
  child.stderr.on('data', (chunk) => {
    everything += chunk;
  });
  const [exitCode, signal] = await once(child, 'close');
  if (exitCode !== 0) {
    throw new Error(`${command} ${args.join(' ')} ended with ${signal ?? exitCode}:\n${everything}`);
  }
  return stdout;
}

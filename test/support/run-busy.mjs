// `npm run test:busy [-- WORDS]`: runs the tests beside busy loops, as on a machine that has other work to do. A test
// that passes only on an idle machine rests on a time that it should not rest on. `BUSY_LOOPS` says how many (default 8).
import { spawn } from 'node:child_process';
import { once } from 'node:events';

// A loop ends with the pipe from this process, so that none survives it, however it ends.
const LOOP = `
  process.stdin.on('close', () => process.exit()).resume();
  const spin = () => { for (const end = Date.now() + 50; Date.now() < end; ); setImmediate(spin); };
  spin();
`;

const count = Number(process.env.BUSY_LOOPS ?? 8);
if (!Number.isInteger(count) || count < 0) {
  process.stderr.write('BUSY_LOOPS is not a whole number\n');
  process.exit(2);
}

const loops = Array.from({ length: count }, () =>
  spawn(process.execPath, ['-e', LOOP], { stdio: ['pipe', 'ignore', 'inherit'] }),
);
const endLoops = () => {
  for (const loop of loops) loop.kill('SIGKILL');
};
process.on('exit', endLoops);

// As the script "test" does, without npm between: a signal would end npm alone.
const jest = [
  '--experimental-vm-modules',
  '--disable-warning=ExperimentalWarning',
  'node_modules/jest/bin/jest.js',
];
const tests = spawn(process.execPath, [...jest, ...process.argv.slice(2)], { stdio: 'inherit' });
// An interrupt from the terminal reaches the tests, too; they end first, and clean up.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => tests.kill(signal));
const [code, signal] = await once(tests, 'exit');
if (signal !== null) process.stderr.write(`the tests were ended by ${signal}\n`);
process.exitCode = code ?? 1;
endLoops();

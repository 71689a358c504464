import { Console } from 'node:console';
import { Writable } from 'node:stream';
import { TestEnvironment } from 'jest-environment-node';

/**
 * Jest's environment for Node, which keeps what a test prints and shows it only if the test fails: many tests provoke
 * errors that the library, Nest and TypeORM rightly log. It holds back the console, `process.stdout`, `process.stderr`
 * and the warnings of the process. A child process is held back where its output is piped to `process.stderr`.
 *
 * `SHOW_LOGS=1` prints everything at once.
 */
export default class QuietEnvironment extends TestEnvironment {
  #console;
  #path;
  /** What was printed since the last test that passed. */
  #printed = [];
  #hasFinished = false;
  #otherWarningListeners = [];
  #keepWarning = (warning) => this.#keep(`${warning.stack ?? warning}\n`);

  constructor(config, context) {
    super(config, context);
    this.#console = context.console;
    this.#path = context.testPath;
  }

  async setup() {
    await super.setup();
    if (process.env.SHOW_LOGS === '1') return;
    const sink = new Writable({
      decodeStrings: false,
      write: (chunk, _encoding, done) => {
        this.#keep(chunk);
        done();
      },
    });
    this.global.console = new Console({ stdout: sink, stderr: sink });
    for (const name of ['stdout', 'stderr']) {
      const stream = Object.create(process[name], {
        write: { value: this.#write, configurable: true, writable: true },
      });
      Object.defineProperty(this.global.process, name, { value: stream, configurable: true });
    }
    // Node itself prints warnings, through a listener of its own.
    this.#otherWarningListeners = process.listeners('warning');
    process.removeAllListeners('warning');
    process.on('warning', this.#keepWarning);
  }

  async teardown() {
    if (!this.#hasFinished) this.#show(`${this.#path} did not run; it printed`);
    if (process.listeners('warning').includes(this.#keepWarning)) {
      process.off('warning', this.#keepWarning);
      for (const listener of this.#otherWarningListeners) process.on('warning', listener);
    }
    await super.teardown();
  }

  handleTestEvent(event) {
    if (event.name === 'run_finish') this.#hasFinished = true;
    else if (event.name === 'test_done') {
      if (event.test.errors.length > 0) this.#show(`"${titleOf(event.test)}" failed; it printed`);
      this.#printed = [];
    } else if (event.name === 'hook_failure' && event.hook.type === 'afterAll') {
      this.#show('"afterAll" failed; it printed');
    }
  }

  /** As `stream.write(chunk, encoding, callback)`. */
  #write = (chunk, encoding, callback) => {
    this.#keep(chunk);
    const done = typeof encoding === 'function' ? encoding : callback;
    if (done !== undefined) process.nextTick(done);
    return true;
  };

  #keep(chunk) {
    this.#printed.push(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString());
  }

  #show(headline) {
    if (this.#printed.length > 0) this.#console.log(`${headline}:\n${this.#printed.join('')}`);
    this.#printed = [];
  }
}

function titleOf(test) {
  const titles = [];
  for (let part = test; part?.parent !== undefined; part = part.parent) titles.unshift(part.name);
  return titles.join(' ');
}

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { promisify } from 'node:util';
import { choosePort } from '../../../libs/replica/src/testing/choose-port.js';
import { keepOutput } from '../../support/quiet/keep-output.js';
import { until } from '../../support/until.js';

/**
 * Runs the server beside a shell that waits for the end of its own input, which is a pipe of ours: however this process
 * ends, the pipe ends with it, and the shell kills the server, hung or not, and removes its folder.
 */
const GUARDED = `
trap '' INT TERM HUP
folder=$1; shift
redis-server "$@" 2>&1 &
echo "pid $!"
cat >/dev/null
kill -KILL $!
wait
rm -rf "$folder"
`;

/** A `redis-server` of the tests' own: on a free port of 127.0.0.1, in a temporary folder, keeping nothing. */
export class RedisServer {
  readonly #args: readonly string[];
  #folder = '';
  #guard: ChildProcess | undefined;
  #pid = 0;

  private constructor(
    readonly port: number,
    args: readonly string[],
  ) {
    this.#args = args;
  }

  static async start(...args: string[]): Promise<RedisServer> {
    for (let tries = 1; ; tries++) {
      const server = new RedisServer(await choosePort(), args);
      try {
        await server.start();
        return server;
      } catch (error) {
        if (tries === 5) throw error; // Somebody else may have taken the port since it was found free.
      }
    }
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it, with nothing in it, on the port that it had. */
  async start(): Promise<void> {
    this.#folder = mkdtempSync(join(tmpdir(), 'redis-'));
    const settings = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    const args = ['-c', GUARDED, 'sh', this.#folder, ...settings, '--dir', this.#folder, ...this.#args];
    const guard = spawn('sh', args, { cwd: this.#folder, stdio: 'pipe' });
    keepOutput(guard.stderr);
    this.#guard = guard;
    const started = announced(createInterface(guard.stdout), (pid) => (this.#pid = pid));
    try {
      await started;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** It is there, and does nothing. */
  hang(): Promise<void> {
    process.kill(this.#pid, 'SIGSTOP');
    return Promise.resolve();
  }

  resume(): Promise<void> {
    process.kill(this.#pid, 'SIGCONT');
    return Promise.resolve();
  }

  /** Ends it at once; what it had is gone. */
  async stop(): Promise<void> {
    const guard = this.#guard;
    this.#guard = undefined;
    if (guard === undefined) return;
    const ended = once(guard, 'exit');
    guard.stdin?.end();
    await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Sends one command by a connection of its own; the answer's text as `redis-cli` prints it. */
  async ask(...command: string[]): Promise<string> {
    const args = ['-p', String(this.port), ...command];
    return (await promisify(execFile)('redis-cli', args)).stdout.trim();
  }
}

/**
 * Three primaries that share the slots. The port of a node's bus is chosen like its own: the default, 10,000 above, may be
 * in the range of outgoing connections, and be taken by one.
 */
export async function startRedisCluster(): Promise<RedisServer[]> {
  const servers: RedisServer[] = [];
  const addresses: string[] = [];
  try {
    for (let index = 0; index < 3; index++) {
      const busPort = await choosePort();
      const cluster = [
        '--cluster-enabled',
        'yes',
        '--cluster-node-timeout',
        '2000',
        '--cluster-port',
        String(busPort),
      ];
      const server = await RedisServer.start(...cluster);
      servers.push(server);
      addresses.push(`127.0.0.1:${server.port}@${busPort}`);
    }
    await promisify(execFile)('redis-cli', ['--cluster', 'create', ...addresses, '--cluster-yes']);
    for (const server of servers) {
      await until(
        async () => (await server.ask('CLUSTER', 'INFO')).includes('cluster_state:ok'),
        'the cluster',
      );
    }
    return servers;
  } catch (error) {
    await Promise.all(servers.map((server) => server.stop()));
    throw error;
  }
}

/**
 * Tells the process's number; resolves when what the server prints says that it accepts connections; rejects, with all of it, when it
 * gives up. Listens from the first line on: they may all come at once, and the server's before the number.
 */
function announced(lines: Interface, tellPid: (pid: number) => void): Promise<void> {
  const printed: string[] = [];
  return new Promise((resolve, reject) => {
    lines.on('line', (line) => {
      printed.push(line);
      const pid = /^pid (\d+)$/.exec(line)?.[1];
      if (pid !== undefined) tellPid(Number(pid));
      const isReady = printed.some((other) => other.includes('Ready to accept connections'));
      if (isReady && printed.some((other) => other.startsWith('pid '))) resolve();
      if (/aborting|exiting|fatal/i.test(line))
        reject(new Error(`redis-server did not start:\n${printed.join('\n')}`));
    });
  });
}

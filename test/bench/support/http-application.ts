import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { ClusterOptions, DatabaseCluster } from 'nestjs-replica/testing';
import { forDatabase, STARTS } from '../../support/cluster/test-database.js';
import type { HttpAppOptions, HttpAppUsage } from '../http-app.js';
import type { CleanUp } from './clean-up.js';
import { fillItems } from './items.js';
import { rounded } from './report.js';

/** An application in a process of its own. */
export class Application {
  readonly #child: ChildProcess;
  readonly #port: number;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.#port = port;
  }

  static async start(options: HttpAppOptions, cleanUp: CleanUp): Promise<Application> {
    const child = fork(join(import.meta.dirname, '..', 'http-app.js'), {
      env: { ...process.env, HTTP_APP: JSON.stringify(options), NODE_ENV: 'production' },
      execArgv: ['--enable-source-maps'],
      stdio: ['ignore', 2, 2, 'ipc'],
    });
    cleanUp.add(() => child.kill('SIGKILL'));
    const [{ port }] = (await once(child, 'message')) as [{ port: number }];
    return new Application(child, port);
  }

  get port(): number {
    return this.#port;
  }

  /** Lets a load generator, in a process of its own, send requests. It says when it is warm, and then what it measured. */
  async load<Measured extends { readonly requests: number }>(
    generatorFile: string,
    load: object,
    cleanUp: CleanUp,
  ): Promise<Measured & { nodeCpuUsPerRequest: number }> {
    const file = join(import.meta.dirname, '..', generatorFile);
    const generator = fork(file, { stdio: ['ignore', 2, 2, 'ipc'] });
    cleanUp.add(() => generator.kill('SIGKILL'));
    const exited = once(generator, 'exit') as Promise<[number | null]>;
    const failed = exited.then(([code]) =>
      Promise.reject(new Error(`the load generator ended with ${code}`)),
    );
    generator.send({ ...load, port: this.#port });
    await Promise.race([once(generator, 'message'), failed]);
    const before = await this.usage();
    const [measured] = (await Promise.race([once(generator, 'message'), failed])) as [Measured];
    const cpuUs = (await this.usage()).cpuUs - before.cpuUs;
    await exited;
    return { ...measured, nodeCpuUsPerRequest: rounded(cpuUs / measured.requests, 1) };
  }

  async stop(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.disconnect();
    await exited;
  }

  /** What its process has used since it began. */
  async usage(): Promise<HttpAppUsage> {
    this.#child.send('usage');
    const [usage] = (await once(this.#child, 'message')) as [HttpAppUsage];
    return usage;
  }
}

/** Starts servers of the database that the command line names, with two replicas, and fills them with items. */
export async function startServers(
  cleanUp: CleanUp,
  settings?: ClusterOptions['settings'],
): Promise<DatabaseCluster> {
  const starting = forDatabase(STARTS)({ replicas: 2, settings });
  cleanUp.add(async () => (await starting).stop());
  await fillItems(await starting);
  return starting;
}

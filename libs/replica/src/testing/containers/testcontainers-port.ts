import { ClusterBackendUnavailableError } from '../cluster.error.js';
import { errorCode, errorMessage } from '../system-error.js';

// Structural types of the part of `testcontainers` (10 to 12) that is used. The package is optional, so it must not appear in the
// types of this one.

export interface TestcontainersModule {
  GenericContainer: new (image: string) => ContainerBuilder;
  Network: new () => { start(): Promise<ContainerNetwork> };
  Wait: { forLogMessage(message: RegExp, times?: number): unknown };
  getContainerRuntimeClient(): Promise<ContainerEngine>;
}

export interface ContainerBuilder {
  withEnvironment(environment: Record<string, string>): this;
  withCommand(command: string[]): this;
  withExposedPorts(...ports: { container: number; host: number }[]): this;
  withNetwork(network: ContainerNetwork): this;
  withNetworkAliases(...aliases: string[]): this;
  withUser(user: string): this;
  withCopyContentToContainer(contents: { content: string; target: string; mode?: number }[]): this;
  withWaitStrategy(strategy: unknown): this;
  withStartupTimeout(timeoutMs: number): this;
  start(): Promise<{ getId(): string; getHost(): string }>;
}

export interface ContainerNetwork {
  stop(): Promise<unknown>;
}

export interface ContainerEngine {
  container: { getById(id: string): Container };
}

/** A container as `dockerode` shows it. */
export interface Container {
  start(): Promise<unknown>;
  kill(options?: { signal: string }): Promise<unknown>;
  pause(): Promise<unknown>;
  unpause(): Promise<unknown>;
  remove(options: { force: boolean; v: boolean }): Promise<unknown>;
  inspect(): Promise<{ State: { Running: boolean } }>;
  logs(options: { follow: false; stdout: true; stderr: true }): Promise<Buffer>;
}

/** The package and the engine that it found. */
export interface ContainerRuntime {
  readonly testcontainers: TestcontainersModule;
  readonly engine: ContainerEngine;
}

/** A constant instead of a literal in the import, so that no compiler looks for the package. */
const PACKAGE: string = 'testcontainers';

/**
 * Loads `testcontainers` and connects to the engine.
 * @throws ClusterBackendUnavailableError when the package is not installed, or no engine answers
 */
export async function openContainerRuntime(): Promise<ContainerRuntime> {
  const testcontainers = await loadTestcontainers();
  try {
    return { testcontainers, engine: await testcontainers.getContainerRuntimeClient() };
  } catch (error) {
    throw new ClusterBackendUnavailableError(
      'containers',
      [`containers: no Docker engine answers (${errorMessage(error)}): start one, or set DOCKER_HOST`],
      { cause: error },
    );
  }
}

async function loadTestcontainers(): Promise<TestcontainersModule> {
  try {
    const loaded: TestcontainersModule | { default: TestcontainersModule } = await import(PACKAGE);
    return 'GenericContainer' in loaded ? loaded : loaded.default;
  } catch (error) {
    const reason = errorCode(error)?.endsWith('MODULE_NOT_FOUND')
      ? 'testcontainers is not installed: npm i -D testcontainers'
      : `testcontainers cannot be loaded (${errorMessage(error)}): take a version for Node.js ${process.version}`;
    throw new ClusterBackendUnavailableError('containers', [`containers: ${reason}`], { cause: error });
  }
}

import type { PostgresCluster } from 'nestjs-replica/testing';

/** Stops the replay of all replicas: from now on each write is lag. */
export async function pauseReplay(cluster: PostgresCluster): Promise<void> {
  await Promise.all(cluster.replicas.map((node) => node.pauseReplay()));
}

/** Ends a {@link pauseReplay}. */
export async function resumeReplay(cluster: PostgresCluster): Promise<void> {
  await Promise.all(cluster.replicas.map((node) => node.resumeReplay()));
}

/** Does the work while no replica replays; afterwards all have caught up again. */
export async function whilePaused<T>(cluster: PostgresCluster, work: () => Promise<T>): Promise<T> {
  await pauseReplay(cluster);
  try {
    return await work();
  } finally {
    await resumeReplay(cluster);
    await cluster.waitForCatchUp();
  }
}

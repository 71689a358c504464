import { type DynamicModule, Module } from '@nestjs/common';
import { fromCookie, type NodeOptions, type OptionsFromEnv, ReplicaModule } from 'nestjs-replica';
import { SESSION_COOKIE } from '../session/assign-session.middleware.js';

/** Takes the place of TypeOrmModule.forRoot(). Everything else injects repositories as before. */
@Module({})
export class DatabaseModule {
  static forRoot(nodes: OptionsFromEnv): DynamicModule {
    return {
      module: DatabaseModule,
      imports: [
        ReplicaModule.forRoot({
          ...nodes,
          replicas: withOneForReports(nodes.replicas),
          autoLoadEntities: true,
          session: { key: fromCookie(SESSION_COOKIE) },
          setHeaders: true,
        }),
      ],
    };
  }
}

/** Labels the last of several replicas, where reports are computed. It answers other reads as well. */
function withOneForReports(replicas: readonly NodeOptions[]): readonly NodeOptions[] {
  const others = replicas.slice(0, -1);
  return others.length === 0
    ? replicas
    : [...others, ...replicas.slice(-1).map((node) => ({ ...node, tags: { usage: 'reports' } }))];
}

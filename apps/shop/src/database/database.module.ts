import { type DynamicModule, Module } from '@nestjs/common';
import { fromCookie, type OptionsFromEnv, ReplicaModule } from 'nestjs-replica';
import { SESSION_COOKIE } from '../session/assign-session.middleware.js';

/** Takes the place of TypeOrmModule.forRoot(): everything else injects repositories as ever. */
@Module({})
export class DatabaseModule {
  static forRoot(nodes: OptionsFromEnv): DynamicModule {
    return {
      module: DatabaseModule,
      imports: [
        ReplicaModule.forRoot({
          ...nodes,
          autoLoadEntities: true,
          // Says when a node goes out of rotation and comes back.
          logging: ['warn'],
          session: { key: fromCookie(SESSION_COOKIE) },
          setHeaders: true,
        }),
      ],
    };
  }
}

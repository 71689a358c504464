import { Body, Controller, Get, Module, Param, ParseIntPipe, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import { ForcePrimary, fromHeader, ReplicaModule } from 'nestjs-replica';
import { ReplicaDashboardModule } from 'nestjs-replica/dashboard';
import { startPostgresCluster, type PostgresCluster } from 'nestjs-replica/testing';
import { setTimeout as delay } from 'node:timers/promises';
import { Column, Entity, PrimaryGeneratedColumn, Repository } from 'typeorm';

@Entity()
export class Note {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  text!: string;
}

@Controller('notes')
export class NotesController {
  constructor(@InjectRepository(Note) private readonly notes: Repository<Note>) {}

  @Post()
  create(@Body('text') text: string): Promise<Note> {
    return this.notes.save({ text });
  }

  @Get('count')
  @ForcePrimary()
  count(): Promise<number> {
    return this.notes.count();
  }

  @Get(':id')
  show(@Param('id', ParseIntPipe) id: number): Promise<Note> {
    return this.notes.findOneByOrFail({ id });
  }
}

function moduleOn(cluster: PostgresCluster) {
  @Module({
    imports: [
      ReplicaModule.forRoot({
        type: 'postgres',
        primary: { url: cluster.primary.url },
        replicas: cluster.replicas.map(({ name, url }) => ({ name, url })),
        entities: [Note],
        synchronize: true,
        session: { key: fromHeader('x-session-id') },
        monitor: { intervalMs: 50 },
        setHeaders: true,
      }),
      TypeOrmModule.forFeature([Note]),
      ReplicaDashboardModule.forRoot({ path: 'live' }),
    ],
    controllers: [NotesController],
  })
  class AppModule {}
  return AppModule;
}

/** The application on a cluster of its own, listening on a free port. */
export async function start() {
  const cluster = await startPostgresCluster({ replicas: 1 });
  try {
    const app = await NestFactory.create(moduleOn(cluster), {
      logger: ['error', 'warn'],
      abortOnError: false,
    });
    const stop = async () => {
      await app.close();
      await cluster.stop();
    };
    await app.listen(0, '127.0.0.1');
    return { baseUrl: await app.getUrl(), cluster, stop };
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

/** Sends one request of the session `alice`: the status, the node that served it, and the body. */
export async function send(url: string, body?: object) {
  const headers = { 'x-session-id': 'alice', 'content-type': 'application/json' };
  const response = await fetch(
    url,
    body ? { method: 'POST', headers, body: JSON.stringify(body) } : { headers },
  );
  return {
    status: response.status,
    node: response.headers.get('x-replica-node'),
    body: await response.json(),
  };
}

/** Reads until a replica answers: the application hears of what replicas have replayed with its next probe. */
export async function readFromReplica(url: string) {
  const deadline = Date.now() + 10_000;
  let answer = await send(url);
  while (!answer.node?.startsWith('replica-') && Date.now() < deadline) {
    await delay(20);
    answer = await send(url);
  }
  return answer;
}

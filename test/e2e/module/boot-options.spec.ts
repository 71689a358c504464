import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Injectable, Module, Patch, Post } from '@nestjs/common';
import { InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import {
  DataSourceRouter,
  ReplicaModule,
  replicaOptionsFromEnv,
  type ReplicaModuleOptions,
  UseReplica,
} from 'nestjs-replica';
import {
  Column,
  DataSource,
  Entity,
  type MigrationInterface,
  PrimaryGeneratedColumn,
  type QueryRunner,
  Repository,
} from 'typeorm';
import { optionsFor, launch, launchReady } from '../../support/app/start-app.js';
import type { TestApp } from '../../support/app/test-app.js';
import { useCluster } from '../../support/cluster/use-cluster.js';
import { Transcript, TRANSCRIPT_SETTINGS, APPLICATION } from '../../support/cluster/transcript.js';
import { engineOf } from '../../../libs/replica/src/engine/replica-router.js';

@Entity()
class Parcel {
  @PrimaryGeneratedColumn('uuid')
  id!: string;

  @Column()
  label!: string;
}

class CreateParcel1700000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE TABLE parcel (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), label varchar NOT NULL)`,
    );
    await runner.query(`INSERT INTO parcel (label) VALUES ('by migration')`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE parcel');
  }
}

@Controller('parcels')
class ParcelsController {
  constructor(@InjectRepository(Parcel) private readonly parcels: Repository<Parcel>) {}

  @Get()
  list(): Promise<Parcel[]> {
    return this.parcels.find();
  }

  @Get('on-replica')
  @UseReplica()
  listOnReplica(): Promise<Parcel[]> {
    return this.parcels.find();
  }

  @Post()
  async add(): Promise<Parcel> {
    return this.parcels.save({ label: 'by request' });
  }

  @Get('form')
  form(): object {
    return { label: 'text' };
  }

  @Patch()
  async replace(): Promise<number | undefined> {
    return (await this.parcels.update({}, { label: 'replaced' })).affected;
  }
}

/** By its name, or by its address where it has none. */
const REPLICA = expect.stringMatching(/^(replica-[12]|127\.0\.0\.1-\d+)$/);

const cluster = useCluster({ settings: TRANSCRIPT_SETTINGS });

describe('options at start', () => {
  let transcript: Transcript;
  let app: TestApp | undefined;

  beforeAll(() => {
    transcript = new Transcript(cluster);
  });

  afterEach(async () => {
    await app?.close();
    app = undefined;
    await cluster.primary.query('DROP TABLE IF EXISTS parcel, migrations, typeorm_metadata');
    await cluster.primary.query('DROP EXTENSION IF EXISTS "uuid-ossp"');
    await cluster.waitForCatchUp();
  });

  const withoutNodes = (): ReplicaModuleOptions => {
    const { primary: _, replicas: __, ...options } = optionsFor(cluster, { entities: [Parcel] });
    return options;
  };

  async function start(options: ReplicaModuleOptions): Promise<TestApp> {
    await transcript.clear();
    app = await launchReady({
      imports: [ReplicaModule.forRoot(options), TypeOrmModule.forFeature([Parcel])],
      controllers: [ParcelsController],
    });
    return app;
  }

  const createParcels = async (): Promise<void> => {
    await cluster.primary.query(
      'CREATE TABLE parcel (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), label varchar NOT NULL)',
    );
    await cluster.waitForCatchUp();
  };

  it('synchronize and install extensions on the primary alone', async () => {
    const { nest } = await start(optionsFor(cluster, { entities: [Parcel], synchronize: true }));
    const { primary, ...others } = await transcript.all();
    expect(primary).toContainEqual(expect.stringContaining('CREATE EXTENSION IF NOT EXISTS "uuid-ossp"'));
    expect(primary).toContainEqual(expect.stringContaining('CREATE TABLE "parcel"'));
    expect(others).toEqual({ 'replica-1': [], 'replica-2': [] });
    expect(nest.get(DataSource).isInitialized).toBe(true);
  });

  it('leave extensions alone if told to', async () => {
    await createParcels();
    await start(optionsFor(cluster, { entities: [Parcel], installExtensions: false }));
    expect(await transcript.count('CREATE EXTENSION')).toEqual({
      primary: 0,
      'replica-1': 0,
      'replica-2': 0,
    });
  });

  it('run migrations on the primary alone, and see what they did', async () => {
    const migrated = await start(
      optionsFor(cluster, {
        entities: [Parcel],
        migrations: [CreateParcel1700000000000],
        migrationsRun: true,
      }),
    );
    const { primary, ...others } = await transcript.all();
    expect(primary).toContainEqual(expect.stringContaining('CREATE TABLE parcel'));
    expect(primary).toContainEqual(expect.stringContaining('INSERT INTO "migrations"'));
    expect(others).toEqual({ 'replica-1': [], 'replica-2': [] });
    expect(await migrated.get('/parcels')).toMatchObject({
      body: [{ label: 'by migration' }],
      nodes: [REPLICA],
    });
  });

  it('find entities by themselves', async () => {
    const { entities: _, ...options } = optionsFor(cluster, { autoLoadEntities: true, synchronize: true });
    const { body } = await (await start(options)).post('/parcels');
    expect(body).toEqual({ label: 'by request', id: expect.stringMatching(/^[0-9a-f-]{36}$/) });
  });

  it("take TypeORM's replication as it stands", async () => {
    await createParcels();
    const [first, second] = cluster.replicas;
    const { host, port, username, password, database } = cluster.primary;
    const moved = await start({
      ...withoutNodes(),
      replication: {
        master: { host, port, username, password, database },
        slaves: [{ url: first?.url }, { url: second?.url }],
        defaultMode: 'slave',
      },
    });
    expect((await moved.get('/parcels')).nodes).toEqual([REPLICA]);
    expect((await moved.post('/parcels')).nodes).toEqual(['primary']);
  });

  it("prefer the primary if TypeORM's default mode does, and a replica where a route asks for one", async () => {
    await createParcels();
    const moved = await start({
      ...withoutNodes(),
      replication: {
        master: { url: cluster.primary.url },
        slaves: cluster.replicas.map(({ url }) => ({ url })),
        defaultMode: 'master',
      },
    });
    expect(await moved.get('/parcels')).toMatchObject({ nodes: ['primary'], reasons: ['primary-preferred'] });
    expect((await moved.get('/parcels/on-replica')).nodes).toEqual([REPLICA]);
  });

  it.each<[string, () => ReplicaModuleOptions]>([
    ['a plain url', () => ({ ...withoutNodes(), url: cluster.primary.url })],
    [
      'a replication without slaves',
      () => ({ ...withoutNodes(), replication: { master: { url: cluster.primary.url }, slaves: [] } }),
    ],
    [
      'an environment that switches replicas off',
      () => ({
        ...withoutNodes(),
        ...replicaOptionsFromEnv({
          DATABASE_URL: cluster.primary.url,
          DATABASE_READ_REPLICA_URL: cluster.replicas.map(({ url }) => url).join(','),
          ENABLE_READ_REPLICA: '0',
        }),
      }),
    ],
    ['replicas that are not enabled', () => optionsFor(cluster, { entities: [Parcel], enabled: false })],
  ])('send everything to the primary with %s', async (_, options) => {
    await createParcels();
    const alone = await start(options());
    expect(await alone.post('/parcels')).toMatchObject({ status: 201, nodes: ['primary'] });
    expect(await alone.get('/parcels/on-replica')).toMatchObject({
      body: [{ label: 'by request' }],
      nodes: ['primary'],
      reasons: ['routing-disabled'],
    });
    expect(await transcript.count('')).toMatchObject({ 'replica-1': 0, 'replica-2': 0 });
  });

  it('keep routes without a database working while the data source is not initialized', async () => {
    await createParcels();
    app = await launch({
      imports: [
        ReplicaModule.forRoot(optionsFor(cluster, { entities: [Parcel], manualInitialization: true })),
        TypeOrmModule.forFeature([Parcel]),
      ],
      controllers: [ParcelsController],
    });
    expect(await app.get('/parcels/form', 'early')).toMatchObject({ status: 200, nodes: [] });
    expect((await app.get('/parcels', 'early')).status).toBe(500);
    await app.dataSource.initialize();
    expect((await app.get('/parcels', 'early')).status).toBe(200);
    await app.dataSource.destroy();
    expect((await app.get('/parcels/form', 'late')).status).toBe(200);
    expect((await app.get('/parcels', 'late')).status).toBe(500);
  });

  it('take everything from the environment, and name the application as given', async () => {
    await createParcels();
    const { url } = cluster.primary;
    const replicas = cluster.replicas.map((node) => node.url).join(',');
    const fromEnv = await start({
      ...withoutNodes(),
      ...replicaOptionsFromEnv({ DATABASE_URL: url, DATABASE_READ_REPLICA_URL: replicas }),
    });
    expect((await fromEnv.get('/parcels')).nodes).toEqual([REPLICA]);
    const counts = await Promise.all(
      cluster.replicas.map((node) =>
        node.query('SELECT 1 FROM pg_stat_activity WHERE application_name = $1', [APPLICATION]),
      ),
    );
    expect(counts.flat()).not.toEqual([]);
  });
});

@Injectable()
class Reporter {
  constructor(readonly router: DataSourceRouter) {}
}

@Module({ providers: [Reporter] })
class ReportModule {}

describe('isGlobal', () => {
  it('lets every module inject the router by default', async () => {
    const app = await launch({
      imports: [ReplicaModule.forRoot(optionsFor(cluster, { replicas: [] })), ReportModule],
    });
    expect(app.nest.get(Reporter, { strict: false }).router).toBe(app.router);
    await app.close();
  });

  it('offers the router only to modules that import it when false, and leaves the data source where TypeORM has it', async () => {
    const options = optionsFor(cluster, { replicas: [], isGlobal: false });
    const replica = ReplicaModule.forRoot(options);
    await expect(launch({ imports: [replica, ReportModule] })).rejects.toThrow(/DataSourceRouter/);

    @Module({ imports: [ReplicaModule.forRoot(options)], providers: [Reporter] })
    class ImportingModule {}
    const app = await launch({ imports: [ImportingModule] });
    expect(engineOf(app.nest.get(Reporter, { strict: false }).router).hasReplicas).toBe(false);
    await app.close();
  });
});

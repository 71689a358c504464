import {
  Column,
  CreateDateColumn,
  Entity,
  PrimaryGeneratedColumn,
  type MigrationInterface,
  type QueryRunner,
} from 'typeorm';

/** What the tests of TypeORM on MySQL and MariaDB work with. */
@Entity()
export class Product {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ type: 'varchar', length: 40, unique: true })
  name!: string;

  @Column({ type: 'decimal', precision: 10, scale: 2, default: 1 })
  price!: string;

  @Column({ type: 'int', default: 0 })
  stock!: number;

  @Column({ type: 'json', nullable: true })
  labels!: Record<string, unknown> | null;

  @CreateDateColumn()
  createdAt!: Date;
}

export class AddNotes1764547200000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE note (id INT PRIMARY KEY, text VARCHAR(40))');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE note');
  }
}

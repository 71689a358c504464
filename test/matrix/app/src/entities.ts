import { Column, Entity, ManyToOne, OneToMany, PrimaryGeneratedColumn } from 'typeorm';

@Entity()
export class Shelf {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ type: 'varchar' })
  label!: string;

  @OneToMany(() => Item, (item) => item.shelf)
  items!: unknown[];
}

@Entity()
export class Item {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ type: 'varchar', unique: true })
  name!: string;

  @Column({ type: 'numeric', nullable: true })
  price!: string | null;

  @Column({ type: 'bigint', nullable: true })
  units!: string | null;

  @Column({ type: 'jsonb', nullable: true })
  details!: object | null;

  @Column({ type: 'text', array: true, nullable: true })
  tags!: string[] | null;

  @Column({ type: 'timestamptz', nullable: true })
  soldAt!: Date | null;

  @Column({ type: 'bytea', nullable: true })
  picture!: Buffer | null;

  @ManyToOne(() => Shelf, (shelf) => shelf.items)
  shelf!: unknown;
}

import type { DataSource } from 'typeorm';
import { Product } from '../products/product.entity.js';

const COLOURS = ['Amber', 'Black', 'Blue', 'Brown', 'Copper', 'Green', 'Grey', 'Ivory', 'Red', 'White'];
const MATERIALS = [
  'bamboo',
  'brass',
  'cotton',
  'glass',
  'leather',
  'linen',
  'marble',
  'oak',
  'steel',
  'wool',
];
const THINGS = ['basket', 'bowl', 'chair', 'clock', 'lamp', 'mirror', 'rug', 'shelf', 'stool', 'vase'];

/** Fills an empty shop with 1,000 products, always the same ones. Returns how many it added: 1,000 or 0. */
export async function seed(dataSource: DataSource): Promise<number> {
  const products = dataSource.getRepository(Product);
  if (await products.exists()) return 0;
  const all = THINGS.flatMap((thing) =>
    MATERIALS.flatMap((material) => COLOURS.map((colour) => `${colour} ${material} ${thing}`)),
  ).map((name, index) => ({
    name,
    description: `${name}, made by hand, number ${index + 1} of our catalogue.`,
    price: 500 + ((index * 7_919) % 49_500),
    stock: 20 + ((index * 31) % 80),
  }));
  await products.insert(all);
  return all.length;
}

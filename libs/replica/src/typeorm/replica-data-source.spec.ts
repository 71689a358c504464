import { setFlagsFromString } from 'node:v8';
import { expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { ReplicaDataSource } from './replica-data-source.js';

const URL = 'postgres://user:secret@127.0.0.1:1/shop';

// V8 alone can tell: it is asked by a call that is no JavaScript, so it is compiled from a text when the flag is set.
setFlagsFromString('--allow-natives-syntax');
// oxlint-disable-next-line typescript/no-implied-eval -- see above
const isFast = new Function('object', 'return %HasFastProperties(object)') as (object: object) => boolean;

it.each([
  ['without a result cache', {}],
  ['with a result cache', { cache: true }],
])('data sources are no dictionaries to V8, for TypeORM asks them all the time: %s', (_, options) => {
  for (let n = 0; n < 3; n++) {
    const dataSource: DataSource = new ReplicaDataSource({
      type: 'postgres',
      primary: { url: URL },
      replicas: [{ url: URL }],
      ...options,
    });
    for (const object of [dataSource, dataSource.options, dataSource.driver, dataSource.manager])
      expect(isFast(object)).toBe(true);
  }
  const dictionary = { a: 1, b: 2 };
  Reflect.deleteProperty(dictionary, 'a');
  expect(isFast(dictionary)).toBe(false);
});

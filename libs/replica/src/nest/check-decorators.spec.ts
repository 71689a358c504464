import { describe, expect, it } from '@jest/globals';
import { checkDecorators, type MeantDataSource } from './check-decorators.js';
import { UseReplica } from './routing.decorators.js';

const source = (name: string, nodeNames: readonly string[], others: object = {}): MeantDataSource => ({
  name,
  engine: { nodeNames, options: { ...others } as MeantDataSource['engine']['options'] },
});
const MAIN = source('default', ['primary', 'replica-1']);
const ARCHIVE = source('archive', ['archive-primary', 'tape']);

@UseReplica({ replica: ['replica-1', 'analytics'] })
class Reports {
  @UseReplica({ replica: 'tape', dataSource: 'archive' })
  old(): void {}

  @UseReplica({ tags: { usage: 'reports' } })
  any(): void {}
}

describe('what decorators name', () => {
  it('has to be there', () => {
    expect(() => checkDecorators([new Reports()], [MAIN, ARCHIVE])).toThrow(
      'a decorator of Reports: replica names "analytics", but the nodes are primary, replica-1, archive-primary, tape',
    );
    expect(() => checkDecorators([new Reports()], [MAIN])).toThrow(
      `a decorator of Reports.old names dataSource 'archive', but ReplicaModule knows 'default'`,
    );
  });

  it('has to be there in the data source that is meant', () => {
    const main = source('default', ['primary', 'replica-1', 'analytics', 'tape']);
    expect(() => checkDecorators([new Reports()], [main, ARCHIVE])).not.toThrow();
    expect(() => checkDecorators([new Reports()], [main, source('archive', ['archive-primary'])])).toThrow(
      'a decorator of Reports.old: replica names "tape", but the nodes are archive-primary',
    );
  });

  it('may be discovered later', () => {
    const discovery = { find: () => undefined };
    const found = [source('default', ['primary'], { discovery }), source('archive', [], { discovery })];
    expect(() => checkDecorators([new Reports()], found)).not.toThrow();
  });
});

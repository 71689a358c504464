import { expect, it } from '@jest/globals';
import { formatSettings } from './postgres-settings.js';

it('writes settings as lines of postgresql.conf, with text quoted', () => {
  expect(
    formatSettings({
      fsync: false,
      hot_standby: true,
      work_mem: 64,
      'my.text': `it's a \\ path`,
      search_path: '',
    }),
  ).toBe(
    [
      `fsync = off`,
      `hot_standby = on`,
      `work_mem = '64'`,
      `my.text = 'it''s a \\\\ path'`,
      `search_path = ''`,
      ``,
    ].join('\n'),
  );
});
